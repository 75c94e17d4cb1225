//! Rows that are hostile, names, and input that does not fit.

use super::*;

#[test]
fn losses_are_finite_for_hostile_rows() {
    let device = Device::flex().autodiff();
    let same = Tensor::<2>::ones([4, 8], &device);
    let zeros = Tensor::<2>::zeros([4, 8], &device);
    let bank = MemoryBank::new(4, 8, &device).pushed(same.clone(), &[0, 0, 1, 1]);
    for &name in ContrastiveLossName::ALL {
        for (z0, z1) in [(&same, &same), (&same, &zeros), (&zeros, &zeros)] {
            for labels in [vec![0, 0, 0, 0], vec![0, 0, 1, 1], vec![5, 6, 7, 8]] {
                let leaf = z0.clone().require_grad();
                let projections =
                    Projections::new(leaf.clone(), z1.clone() * -1.0).with_labels(labels);
                let output = loss(name)
                    .forward(projections.with_bank(bank.rows()), Temperature::Fixed(0.01));
                let gradient = leaf.grad(&output.loss.backward()).expect("a gradient");
                assert!(values(gradient).iter().all(|value| value.is_finite()), "{name}");
                assert!(output.loss.into_scalar::<f64>().is_finite(), "{name}");
            }
        }
    }
}

#[test]
fn names_and_configurations_are_read_back_and_checked() {
    for &name in ContrastiveLossName::ALL {
        assert_eq!(name.to_string().parse::<ContrastiveLossName>().expect("a name"), name);
        assert_eq!(serde_json::to_string(&name).expect("json"), format!("\"{name}\""));
    }
    assert!(
        "ntxent"
            .parse::<ContrastiveLossName>()
            .expect_err("unknown")
            .to_string()
            .contains("sup-con")
    );
    let read = |text| serde_json::from_str::<ContrastiveLossConfig>(text);
    assert_eq!(read("{}").expect("all defaults"), ContrastiveLossConfig::default());
    let config = read(r#"{"name": "dclw", "memory_bank": 64, "learnable_temperature": true}"#)
        .expect("a configuration");
    assert_eq!(
        (config.name, config.memory_bank, config.temperature),
        (ContrastiveLossName::Dclw, 64, 0.5)
    );
    assert!(read(r#"{"nam": "dcl"}"#).is_err());
    config.check().expect("a usable configuration");
    for negative_weight in [0.0, f64::INFINITY] {
        let config = ContrastiveLossConfig { negative_weight, ..Default::default() };
        assert!(config.check().expect_err("unusable").to_string().contains("negative_weight"));
    }
    for (temperature, learnable_temperature) in
        [(0.0, false), (-1.0, false), (f64::NAN, false), (0.001, true)]
    {
        let config =
            ContrastiveLossConfig { temperature, learnable_temperature, ..Default::default() };
        assert!(config.check().expect_err("unusable").to_string().contains("temperature"));
    }
}

#[test]
#[should_panic(expected = "needs labels")]
fn sup_con_without_labels_is_refused() {
    let z = Tensor::<2>::ones([2, 3], &Device::flex());
    loss(ContrastiveLossName::SupCon)
        .forward(Projections::new(z.clone(), z), Temperature::Fixed(0.5));
}

#[test]
#[should_panic(expected = "one label per pair")]
fn labels_that_do_not_fit_are_refused() {
    let z = Tensor::<2>::ones([2, 3], &Device::flex());
    let projections = Projections::new(z.clone(), z).with_labels(vec![1]);
    loss(ContrastiveLossName::NtXent).forward(projections, Temperature::Fixed(0.5));
}
