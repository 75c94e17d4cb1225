//! Training programs that are killed at random times, again and again: what they leave in the end
//! is what an undisturbed run leaves, to the bit.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::{Outcome, Place};

/// The programs and a run of each that writes checkpoints, evaluates and keeps state of all kinds.
const RUNS: [(&str, &str); 3] = [
    (
        "simclr",
        "--batches 14 --checkpoint-every 3 --evaluate-every 4 --loss dcl --memory-bank 32 \
         --ema 0.9 --chunk 4",
    ),
    ("count", "--batches 14 --checkpoint-every 3"),
    ("location", "--batches 14 --checkpoint-every 3"),
];

/// Kills each program `count` times.
pub(crate) fn run(place: &Place, count: u32, seed: Option<u64>) -> Outcome {
    let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(0) % 1_000_000);
    println!("seed {seed}; again with: cargo xtask kills --count {count} --seed {seed}");
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    for (name, settings) in RUNS {
        let folder = place.work("kills").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let program = Program { place, name, settings };
        let began = Instant::now();
        program.begin(&folder.join("alone"))?.finish()?;
        let alone = began.elapsed();
        println!("{name}: {:.1} s alone", alone.as_secs_f64());
        let (mut killed, mut round) = (0, 0);
        while killed < count {
            round += 1;
            let out = folder.join(format!("killed-{round}"));
            let mut running = program.begin(&out)?;
            while killed < count {
                std::thread::sleep(alone.mul_f64(rng.random_range(0.0..1.0)));
                if running.0.try_wait()?.is_some() {
                    break;
                }
                running.kill()?;
                killed += 1;
                running = program.go_on(&out)?;
            }
            running.finish().map_err(|error| format!("{name}, round {round}: {error}"))?;
            same(&folder.join("alone"), &out)?;
            fs::remove_dir_all(&out)?;
        }
        println!("{name}: {killed} kills in {round} runs, nothing lost");
    }
    Ok(())
}

struct Program<'a> {
    place: &'a Place,
    name: &'a str,
    settings: &'a str,
}

/// A program that runs; what it says on stderr is kept for the case that it fails.
struct Running(Child);

impl Program<'_> {
    fn begin(&self, out: &Path) -> Outcome<Running> {
        self.spawn(out, self.settings.split_whitespace())
    }

    /// Goes on with the run in a folder, or begins again if it was killed before there was one.
    fn go_on(&self, out: &Path) -> Outcome<Running> {
        if out.join("config.json").is_file() {
            self.spawn(out, ["--resume"].into_iter())
        } else {
            self.begin(out)
        }
    }

    fn spawn<'a>(&self, out: &Path, settings: impl Iterator<Item = &'a str>) -> Outcome<Running> {
        let mut command = Command::new(self.place.example(self.name));
        command.arg("--smoke").args(settings).arg("--out").arg(out);
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        Ok(Running(child.map_err(|error| format!("{command:?}: {error}"))?))
    }
}

impl Running {
    fn kill(&mut self) -> Outcome {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }

    fn finish(self) -> Outcome {
        let output = self.0.wait_with_output()?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let last: Vec<_> = said.lines().rev().take(5).collect();
        Err(format!("{}: {}", output.status, last.join(" | ")).into())
    }
}

/// Holds the metrics of two runs against each other, and the encoders that they have left.
fn same(alone: &Path, killed: &Path) -> Outcome {
    let metrics = |folder: &Path| -> Outcome<Vec<String>> {
        let path = folder.join("metrics.jsonl");
        let text =
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(text.lines().map(without_seconds).collect())
    };
    let (expected, found) = (metrics(alone)?, metrics(killed)?);
    if expected != found {
        let at = expected.iter().zip(&found).take_while(|(a, b)| a == b).count();
        let show = |lines: &[String]| lines.get(at).cloned().unwrap_or_default();
        return Err(format!(
            "{}: metrics.jsonl differs from line {} on: {} instead of {}",
            killed.display(),
            at + 1,
            show(&found),
            show(&expected)
        )
        .into());
    }
    // All but the header's order of names is data; the file of one run is that of the other.
    let encoder = |folder: &Path| fs::read(folder.join("encoder.safetensors"));
    if encoder(alone)? != encoder(killed)? {
        return Err(format!("{}: encoder.safetensors differs", killed.display()).into());
    }
    Ok(())
}

/// A line of metrics without how long it took.
fn without_seconds(line: &str) -> String {
    let Ok(serde_json::Value::Object(mut values)) = serde_json::from_str(line) else {
        return line.to_owned();
    };
    values.retain(|name, _| name != "seconds" && !name.ends_with("per_second"));
    serde_json::Value::Object(values).to_string()
}
