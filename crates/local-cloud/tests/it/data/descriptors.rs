//! When the process has no descriptors left, the local cloud waits for some, and goes on.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::function::call;
use super::{World, calm, until};

/// Not a test: a local cloud in a process with few descriptors, which writes down what it says.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by the test below"]
async fn cloud_with_few_descriptors() {
    let Ok(place) = std::env::var("PLACE") else {
        return;
    };
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = Some(100);
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
    let world = World::bare(calm()).await;
    let mut trouble = world.cloud.accept_trouble();
    let mut said = std::fs::File::create(format!("{place}/said")).unwrap();
    std::fs::write(format!("{place}/host.new"), world.host()).unwrap();
    std::fs::rename(format!("{place}/host.new"), format!("{place}/host")).unwrap();
    while trouble.changed().await.is_ok() {
        let words = trouble.borrow_and_update().clone();
        std::io::Write::write_all(&mut said, format!("{words:?}\n").as_bytes()).unwrap();
    }
}

/// Hundredths of a second that the process has worked.
fn processor_time(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split(' ').collect();
    fields[12].parse::<u64>().unwrap() + fields[13].parse::<u64>().unwrap()
}

fn lines(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_descriptors_it_waits_says_so_once_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let name = "data::descriptors::cloud_with_few_descriptors";
    let mut cloud = Command::new(std::env::current_exe().unwrap())
        .args(["--quiet", "--ignored", "--exact", name])
        .env("PLACE", folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let host = until("the cloud to start", || {
        std::fs::read_to_string(folder.path().join("host")).ok()
    })
    .await;
    let open: Vec<_> = (0..200)
        .map(|_| TcpStream::connect(&host).unwrap())
        .collect();
    let said = folder.path().join("said");
    until("it to say so", || lines(&said).pop()).await;
    let before = processor_time(cloud.id());
    // A rate needs a time; there is no condition to wait for.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let worked = processor_time(cloud.id()) - before;
    assert!(
        worked < 20,
        "{worked} hundredths of a second were spent on waiting"
    );
    drop(open);
    let health = call(&host, "GET", "/_chatctl/health", &[], b"");
    assert_eq!(health.status, 200);
    assert_eq!(lines(&said).len(), 1, "{:?}", lines(&said));
    assert!(lines(&said)[0].contains("Too many open files"));
    cloud.kill().unwrap();
    cloud.wait().unwrap();
}
