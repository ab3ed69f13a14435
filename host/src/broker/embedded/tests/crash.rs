//! `kill -9` in the middle of commits: each is there whole or not at all. The killed process is this test binary itself.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use super::*;

/// Set for the child: the folder in which it commits until it is killed.
const FOLDER: &str = "COFFERDAM_TEST_CRASH_FOLDER";
const CHILD: &str = "broker::embedded::tests::crash::child_that_commits_until_it_is_killed";
const MEMBERS: u32 = 2;

#[test]
fn a_killed_process_leaves_every_commit_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    {
        let log = open(dir.path());
        log.create_topics(&[topic("in", MEMBERS), topic("a", 2), compacted("changelog")]).unwrap();
    }
    let mut commits = 0;
    for round in 0..6 {
        let told = commit_until_killed(dir.path(), 10 + round * 17);
        let found = check(dir.path());
        assert!(found >= commits + told, "{found} commits are found, but {commits} were there and {told} more were told");
        commits = found;
    }
}

/// Starts the child and kills it when it has told of so many commits; how many it told of.
fn commit_until_killed(folder: &Path, kill_after: u64) -> u64 {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([CHILD, "--exact", "--nocapture", "--test-threads=1"]).env(FOLDER, folder).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = 0;
    for line in lines.map(Result::unwrap) {
        told += u64::from(line.ends_with("committed"));
        if told == kill_after {
            child.kill().unwrap();
        }
    }
    assert!(!child.wait().unwrap().success());
    assert!(told >= kill_after, "the child ended after {told} commits");
    told
}

/// Opens the log and looks whether everything in it fits together; how many commits it has.
fn check(folder: &Path) -> u64 {
    let log = open(folder);
    let offsets: Vec<u64> =
        (0..MEMBERS).map(|member| log.committed("group", &at("in", member)).unwrap().map_or(0, |committed| committed.offset)).collect();
    for partition in [at("a", 0), at("a", 1), at("changelog", 0)] {
        let (_, end) = log.bounds(&partition).unwrap();
        let records = read_from(&log, &partition, 0);
        assert_eq!(records.len() as u64, end, "{partition}: the end matches the records");
        let mut expected = vec![0; MEMBERS as usize];
        let copies = if partition.topic.as_ref() == "a" { 3 } else { 1 };
        for run in records.chunks(copies) {
            let (_, text) = values(run)[0];
            let (member, commit) = text.split_once(' ').unwrap();
            let (member, commit): (usize, u64) = (member.parse().unwrap(), commit.parse().unwrap());
            assert!(values(run).iter().all(|(_, value)| *value == text), "{partition}: a commit's records lie together");
            expected[member] += 1;
            assert_eq!(commit, expected[member], "{partition}: no commit is missing or doubled");
        }
        assert_eq!(expected, offsets, "{partition}: outputs match the committed offsets");
    }
    offsets.iter().sum()
}

#[test]
fn child_that_commits_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let log = open(Path::new(&folder));
    std::thread::scope(|scope| {
        for member in 0..MEMBERS {
            let log = &log;
            scope.spawn(move || commit_for_ever(log, member));
        }
        // Cleaning goes on meanwhile: a kill may hit that as well. Every key is new, so it drops nothing.
        while log.maintain(Timestamp(0), 4_096).is_ok() {}
    });
}

fn commit_for_ever(log: &EmbeddedLog, member: u32) {
    let mut client = log.client("group", member, MEMBERS).unwrap();
    client.subscribe(vec![Subscription { driver: "in".into(), companions: Vec::new() }]).unwrap();
    let here = at("in", member);
    let mut commit = client.committed(std::slice::from_ref(&here)).unwrap()[0].as_ref().map_or(0, |committed| committed.offset);
    loop {
        commit += 1;
        let value = format!("{member} {commit}");
        for partition in [0, 1, 0, 1, 0, 1] {
            client.send(to("a", partition, record("k", &value)).as_ref()).unwrap();
        }
        client.send(to("changelog", 0, record(&value, &value)).as_ref()).unwrap();
        client.commit(&[(here.clone(), Committed { offset: commit, metadata: String::new() })]).unwrap();
        println!("{value} committed");
    }
}
