//! What the function costs: `cargo bench --bench measure`, or with `BOOTSTRAP=/path/to/bootstrap` for a
//! binary built as it is deployed.
//!
//! It runs the built function as a process and reads the kernel's own count of its processor time, so
//! that the cost of the world around it is not counted. Linux only, because of `/proc`.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stdout,
    dead_code
)]

use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use serde_json::json;

#[path = "../tests/it/world.rs"]
mod world;

use world::{TABLE, World, message, run};

const STARTS: usize = 40;
const MEMBERS: usize = 500;
const MESSAGES: usize = 200;

fn main() {
    let bootstrap =
        std::env::var("BOOTSTRAP").unwrap_or_else(|_| env!("CARGO_BIN_EXE_bootstrap").to_owned());
    let bytes = std::fs::metadata(&bootstrap).unwrap().len();
    println!("{bootstrap}: {bytes} bytes");
    start(&bootstrap);
    posts(&bootstrap);
}

fn spawn(bootstrap: &str, world: &World) -> Child {
    Command::new(bootstrap)
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", world.address.to_string())
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "AKID")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_SESSION_TOKEN", "t".repeat(700))
        .env("AWS_ENDPOINT_URL", world.url())
        .env("CHAT_TABLE", TABLE)
        .env("CHAT_CONNECTIONS_URL", world.template())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// From `exec` to the first `next`.
fn start(bootstrap: &str) {
    let world = World::start();
    let mut times: Vec<f64> = (1..=STARTS)
        .map(|n| {
            let mut child = spawn(bootstrap, &world);
            while world.processes() < n {
                std::thread::yield_now();
            }
            let time = cpu_ms(&child);
            child.kill().unwrap();
            child.wait().unwrap();
            time
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!(
        "processor time from start to first next: median {:.2} ms, worst {:.2} ms of {STARTS}",
        times[STARTS / 2],
        times[STARTS - 1]
    );
}

/// A room of many, and messages to all of them.
fn posts(bootstrap: &str) {
    let world: Arc<World> = World::start();
    let mut child = spawn(bootstrap, &world);
    run(async {
        // Quiet joins: who is not listed yet hears nothing, so this is cheap only for the first ones.
        for n in 0..MEMBERS {
            let join = json!({"action": "setName", "name": format!("n{n}")});
            world.invoke(message(&format!("c{n}=="), &join)).await;
        }
    });
    world.take();
    let resting = memory_kb(&child, "VmRSS");
    let before = cpu_ms(&child);
    run(async {
        for n in 0..MESSAGES {
            let say = json!({"action": "sendPublic", "message": "a message of common length, more or less"});
            world
                .invoke(message(&format!("c{}==", n % MEMBERS), &say))
                .await;
        }
    });
    let spent = cpu_ms(&child) - before;
    let posts = world.take().len();
    assert_eq!(posts, MEMBERS * MESSAGES);
    println!(
        "processor time for each post, everything included: {:.1} µs ({posts} posts)",
        spent * 1000.0 / posts as f64
    );
    println!(
        "memory: {resting} kB at rest, {} kB at most",
        memory_kb(&child, "VmHWM")
    );
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The first number of `schedstat` is the time on a processor, in nanoseconds.
fn cpu_ms(child: &Child) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
    let nanos: u64 = tasks
        .map(|task| std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap())
        .map(|text| text.split(' ').next().unwrap().parse::<u64>().unwrap())
        .sum();
    nanos as f64 / 1e6
}

fn memory_kb(child: &Child, key: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
