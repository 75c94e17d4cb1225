use super::*;

fn read(texts: &[&[u8]]) -> Result<MetricsTable> {
    let folder = tempfile::tempdir().unwrap();
    for (index, text) in texts.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{index}.csv")), text).unwrap();
    }
    MetricsTable::read(&[folder.path().to_owned()])
}

fn banner(domain: &str) -> BannerKey {
    BannerKey { domain: domain.to_owned(), grid_id: "g".to_owned() }
}

fn value(table: &MetricsTable, domain: &str, name: &str) -> Option<f64> {
    let column =
        table.names().iter().position(|known| known == name).unwrap_or_else(|| panic!("no {name}"));
    table.get(&banner(domain)).unwrap()[column]
}

#[test]
fn metrics_labels_and_rates_are_told_apart() {
    let table = read(&[b"\xef\xbb\xbf,domain,grid_id,displays,clicks,landed_clicks,\
        non_bounced_clicks,closing_events,country,empty,broken\r\n\
        0,a,g,1000,10,4.0,1,50,de,,1.0\r\n\
        1,b,g,0,0,0,,3,fr,NaN,0.0\r\n\
        2, c ,g,NaN,10,null,None,,NA,,\r\n"])
    .unwrap();
    let names =
        ["displays", "clicks", "landed_clicks", "non_bounced_clicks", "closing_events", "empty"];
    let rates = ["landing_rate", "click_through", "non_bounce_rate", "closing_rate"];
    assert_eq!(table.names(), [&names[..], &rates[..]].concat());
    assert_eq!((table.len(), table.rows_read()), (3, 3));
    assert!(table.drops().is_empty() && table.bad_values().is_empty());
    let row = |domain| rates.map(|name| value(&table, domain, name));
    assert_eq!(row("a"), [Some(0.4), Some(0.01), Some(0.25), Some(0.05)]);
    assert_eq!(row("b"), [None; 4], "nothing divided by nothing");
    assert_eq!(row("c"), [None; 4], "missing values");
    assert_eq!((value(&table, "c", "clicks"), value(&table, "c", "displays")), (Some(10.0), None));
    assert_eq!((table.label(&banner("a")), table.label(&banner("b"))), (Some(true), Some(false)));
    assert_eq!((table.label(&banner("c")), table.label(&banner("z"))), (None, None));
    assert_eq!(table.labels().count(), 2);
    assert_eq!(table.get(&banner("z")), None);
}

#[test]
fn bad_values_are_missing_and_counted_and_bad_rows_left_out_and_counted() {
    let table = read(&[b"domain,grid_id,displays,clicks,broken\n\
        a,g,1,x,maybe\n\
        a,g,2,2,1\n\
        ,g,3,3,1\n\
        b,,3,3,1\n\
        c,g,4\n\
        \xff,g,4,4,0\n\
        d,g,inf,7,0\n"])
    .unwrap();
    assert_eq!((table.len(), table.rows_read()), (2, 7));
    assert_eq!(
        (value(&table, "a", "displays"), value(&table, "a", "clicks")),
        (Some(1.0), None),
        "the first holds"
    );
    assert_eq!((value(&table, "d", "displays"), table.label(&banner("a"))), (None, None));
    let bad = [("displays", 1), ("clicks", 1), ("broken", 1)]
        .map(|(name, count)| (name.to_owned(), count));
    assert_eq!(table.bad_values(), bad);
    let counts: Vec<_> =
        table.drops().by_reason().iter().map(|dropped| (dropped.reason, dropped.rows)).collect();
    use DropReason::*;
    assert_eq!(counts, [(UnequalLengths, 1), (MissingKey, 2), (NotUtf8, 1), (DuplicateKey, 1)]);
    assert!(table.drops().get(DuplicateKey).unwrap().first.ends_with("0.csv: line 3"));
}

#[test]
fn files_may_differ_in_their_columns() {
    let table =
        read(&[b"domain,grid_id,clicks\na,g,1\n", b"landed_clicks,grid_id,domain\n3,g,b\n1,g,a\n"])
            .unwrap();
    assert_eq!(table.names(), ["clicks", "landed_clicks", "landing_rate"]);
    assert_eq!(table.get(&banner("a")).unwrap(), [Some(1.0), None, None]);
    assert_eq!(table.get(&banner("b")).unwrap(), [None, Some(3.0), None]);
    assert_eq!(table.drops().rows(), 1);
}

#[test]
fn a_given_rate_is_not_derived_again() {
    let table =
        read(&[b"domain,grid_id,clicks,landed_clicks,landing_rate\na,g,10,5,0.7\n"]).unwrap();
    assert_eq!(table.names(), ["clicks", "landed_clicks", "landing_rate"]);
    assert_eq!(value(&table, "a", "landing_rate"), Some(0.7));
}

#[test]
fn a_broken_file_is_named() {
    let says = |texts: &[&[u8]], message: &str| {
        let error = read(texts).unwrap_err().to_string();
        assert!(error.contains("0.csv") && error.contains(message), "{error}");
    };
    says(&[b""], "the file is empty");
    says(&[b"domain,clicks\n"], "no column `grid_id`");
    says(&[b"domain,domain,grid_id\n"], "`domain` stands twice");
    says(&[b"domain,grid_id,x,x\n"], "`x` stands twice");
    says(&[b"domain,grid_id,broken,broken\n"], "`broken` stands twice");
    assert!(read(&[b"domain,grid_id\n"]).unwrap().is_empty());
}

#[test]
fn per_cent_are_read_and_shares_beyond_one_are_errors() {
    let table = read(&[b"domain,grid_id,landing_rate,viewability\na,g,85.2%,70 %\nb,g,0.5,0.25\n"])
        .unwrap();
    assert_eq!(
        (value(&table, "a", "landing_rate"), value(&table, "a", "viewability")),
        (Some(0.852), Some(0.7))
    );
    assert_eq!(value(&table, "b", "landing_rate"), Some(0.5));
    for (column, cell) in
        [("landing_rate", "85.2"), ("non_bounce_rate", "-0.1"), ("closing_rate", "101%")]
    {
        let text = format!("domain,grid_id,{column}\na,g,0.5\nb,g,{cell}\n");
        let error = read(&[text.as_bytes()]).unwrap_err().to_string();
        assert!(
            error.contains(&format!("line 3, column `{column}`: `{cell}` is no share from 0 to 1")),
            "{error}"
        );
    }
}

#[test]
fn a_known_column_without_a_number_is_counted_and_what_has_no_square_is_missing() {
    let table =
        read(&[b"domain,grid_id,landed_clicks,country,depth\na,g,many,de,1e308\nb,g,few,fr,2\n"])
            .unwrap();
    assert_eq!(table.names(), ["depth"]);
    assert_eq!(table.bad_values(), [("landed_clicks".to_owned(), 2), ("depth".to_owned(), 1)]);
    assert_eq!((value(&table, "a", "depth"), value(&table, "b", "depth")), (None, Some(2.0)));
}

#[test]
fn rows_in_memory_are_those_of_a_file() {
    let file = read(&[b"domain,grid_id,displays,clicks,landed_clicks,note\n\
        a,g,1000,10,4,NaN\nb,g,,20,20,NaN\na,g,1,1,1,NaN\n,g,1,1,1,NaN\nc,g,1,inf,1,NaN\n"])
    .unwrap();
    let row = |domain: &str, values: [f64; 3]| {
        let values = values.map(|value| (!value.is_nan()).then_some(value));
        (banner(domain), [&values[..], &[None]].concat())
    };
    let names = ["displays", "clicks", "landed_clicks", "note"];
    let rows = [
        row("a", [1000.0, 10.0, 4.0]),
        row("b", [f64::NAN, 20.0, 20.0]),
        row("a", [1.0; 3]),
        row("", [1.0; 3]),
        row("c", [1.0, f64::INFINITY, 1.0]),
    ];
    let table = MetricsTable::from_rows(names, rows.clone()).unwrap();
    assert_eq!((table.names(), table.len()), (file.names(), 3));
    for key in ["a", "b", "c"].map(banner) {
        assert_eq!(table.get(&key), file.get(&key), "{key:?}");
    }
    assert_eq!((table.rows_read(), table.bad_values()), (5, file.bad_values()));
    let dropped = |table: &MetricsTable| -> Vec<_> {
        table.drops().by_reason().iter().map(|drop| (drop.reason, drop.rows)).collect()
    };
    assert_eq!((dropped(&table), dropped(&table).len()), (dropped(&file), 2));
    // Names and values make the same table again, its derived rates among them.
    let values = |key: &BannerKey| (key.clone(), table.get(key).unwrap().to_vec());
    let again = MetricsTable::from_rows(table.names(), table.keys().map(values)).unwrap();
    assert_eq!(again.names(), table.names());
    assert!(table.keys().all(|key| again.get(key) == table.get(key)));

    let says = |names: &[&str], values: &[f64], message: &str| {
        let values = values.iter().copied().map(Some).collect();
        let error = MetricsTable::from_rows(names.to_vec(), [(banner("a"), values)]);
        let error = error.unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    };
    says(&["clicks", "clicks"], &[1.0, 1.0], "`clicks` stands twice");
    says(&["broken"], &[1.0], "`broken` is no name of a metric");
    says(&["clicks"], &[1.0, 2.0], "metrics of (a, g): 2 values for 1 names");
    says(&["landing_rate"], &[93.0], "column `landing_rate`: `93` is no share from 0 to 1");
}
