use super::*;
use std::time::Instant;
fn time(name: &str, n: usize, f: impl FnOnce()) {
    let t = Instant::now();
    f();
    println!("{name:50} {:8.0} ns", t.elapsed().as_nanos() as f64 / n as f64);
}
fn rss() -> String {
    fs::read_to_string("/proc/self/status").unwrap().lines().find(|l| l.starts_with("VmRSS")).unwrap().into()
}
struct Rng(u64);
impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
fn keyof(n: u64) -> [u8; 16] {
    let mut k = [0; 16];
    k.copy_from_slice(format!("key-{n:012}").as_bytes());
    k
}
#[test]
fn bench() {
    println!("start {}", rss());
    let dir = tempfile::tempdir().unwrap();
    let budget = Budget::new(limits::STATE_CACHE_BYTES, limits::STATE_WRITE_BUFFERS_BYTES);
    {
        let mut many = vec![];
        for i in 0..8 {
            many.push(TaskStores::open(Some(Home { folder: &dir.path().join(format!("t{i}")), budget: &budget }), both()).unwrap());
        }
        println!("8 tasks open {}", rss());
        for s in &mut many {
            s.put(0, b"k", Some(row("v", 1))).unwrap();
            s.apply().unwrap();
            s.flush(&[(Changelog::Store(0), 1)], NOW).unwrap();
        }
        println!("8 tasks written {}", rss());
    }
    for distinct in [220u64, 10_000, 1_000_000] {
        for store in [0, 1] {
            let dir = tempfile::tempdir().unwrap();
            let mut s = TaskStores::open(Some(Home { folder: dir.path(), budget: &budget }), both()).unwrap();
            let mut r = Rng(42);
            let n = 1_000_000usize;
            let per = 20_000;
            let value = Bytes::from(vec![7u8; 100]);
            let (mut tg, mut tp, mut ta, mut tc, mut tf, mut tr) = (0, 0, 0, 0, 0, 0);
            let mut flushes = 0;
            let name = ["disk", "memory"][store];
            let mut log = vec![];
            for tx in 0..n / per {
                for _ in 0..per {
                    let key = keyof(r.next() % distinct);
                    let t = Instant::now();
                    let sp = s.savepoint();
                    let t0 = Instant::now();
                    std::hint::black_box(s.get(store, &key).unwrap());
                    let t1 = Instant::now();
                    s.put(store, &key, Some(Row { value: value.clone(), timestamp: Timestamp(1) })).unwrap();
                    let t2 = Instant::now();
                    s.release(sp);
                    tr += t.elapsed().as_nanos();
                    tg += (t1 - t0).as_nanos();
                    tp += (t2 - t1).as_nanos();
                }
                let t = Instant::now();
                let c = s.changes();
                tc += t.elapsed().as_nanos();
                if log.len() < 500_000 {
                    log.extend(c.into_iter().map(|c| ConsumedRecord { offset: 0, record: c.record }));
                }
                let t = Instant::now();
                s.apply().unwrap();
                ta += t.elapsed().as_nanos();
                if s.flush_due(NOW) || tx == 10 {
                    flushes += 1;
                    let t = Instant::now();
                    s.flush(&[(Changelog::Store(0), 1)], NOW).unwrap();
                    tf += t.elapsed().as_millis();
                }
            }
            let n = n as u128;
            println!(
                "{name} {distinct} keys: get {} put {} whole {} | per record: changes {} apply {} | flushes {flushes} in {tf} ms; {}",
                tg / n,
                tp / n,
                tr / n,
                tc / n,
                ta / n,
                rss()
            );
            s.flush(&[], NOW).unwrap();
            time(&format!("{name} {distinct} read committed"), 200_000, || {
                for _ in 0..200_000 {
                    std::hint::black_box(s.get(store, &keyof(r.next() % distinct)).unwrap());
                }
            });
            time(&format!("{name} {distinct} read absent"), 200_000, || {
                for _ in 0..200_000 {
                    std::hint::black_box(s.get(store, &keyof(distinct + r.next() % distinct)).unwrap());
                }
            });
            let keys: Vec<_> = (0..256).map(|_| keyof(r.next() % distinct)).collect();
            let keys: Vec<&[u8]> = keys.iter().map(|k| &k[..]).collect();
            time(&format!("{name} {distinct} get_many 256, a key"), 25600, || {
                for _ in 0..100 {
                    std::hint::black_box(s.get_many(store, &keys).unwrap());
                }
            });
            time(&format!("{name} {distinct} scan of 100, a row"), 100_000, || {
                for _ in 0..1000 {
                    let k = keyof(r.next() % distinct);
                    std::hint::black_box(s.scan(store, Included(&k), Unbounded, ScanOrder::Ascending, 100).unwrap());
                }
            });
            time(&format!("{name} {distinct} scan of 1"), 20_000, || {
                for _ in 0..20_000 {
                    let k = keyof(r.next() % distinct);
                    std::hint::black_box(s.scan(store, Included(&k), Unbounded, ScanOrder::Ascending, 1).unwrap());
                }
            });
            drop(s);
            let dir = tempfile::tempdir().unwrap();
            let mut s = TaskStores::open(Some(Home { folder: dir.path(), budget: &budget }), both()).unwrap();
            time(&format!("{name} {distinct} restore {}", log.len()), log.len(), || {
                for c in log.chunks(10_000) {
                    s.restore(Changelog::Store(store), c).unwrap();
                }
            });
            let t = Instant::now();
            s.flush(&[], NOW).unwrap();
            println!("   flush {:?}", t.elapsed());
        }
    }
    time("now", 1_000_000, || {
        for _ in 0..1_000_000 {
            std::hint::black_box(Instant::now());
        }
    });
}
#[test]
fn points() {
    let dir = tempfile::tempdir().unwrap();
    let budget = Budget::new(limits::STATE_CACHE_BYTES, limits::STATE_WRITE_BUFFERS_BYTES);
    let distinct = 100_000;
    let mut s = TaskStores::open(Some(Home { folder: dir.path(), budget: &budget }), both()).unwrap();
    let mut r = Rng(42);
    for round in 0..5 {
        for _ in 0..20_000 {
            s.put(0, &keyof(r.next() % distinct), Some(Row { value: Bytes::from(vec![7u8; 100]), timestamp: Timestamp(1) })).unwrap();
        }
        s.apply().unwrap();
        time(&format!("{round} get from memtable"), 100_000, || {
            for _ in 0..100_000 {
                std::hint::black_box(s.get(0, &keyof(r.next() % distinct)).unwrap());
            }
        });
        s.flush(&[], NOW).unwrap();
        time(&format!("{round} get from {} files", round + 1), 100_000, || {
            for _ in 0..100_000 {
                std::hint::black_box(s.get(0, &keyof(r.next() % distinct)).unwrap());
            }
        });
    }
    time("absent", 100_000, || {
        for _ in 0..100_000 {
            std::hint::black_box(s.get(0, &keyof(distinct + r.next() % distinct)).unwrap());
        }
    });
    for distinct in [220u64, 10_000, 100_000] {
        let keys: Vec<_> = (0..100_000).map(|_| keyof(r.next() % distinct)).collect();
        let mut ks = super::super::overlay::Keys::default();
        let mut o = super::super::overlay::Overlay::default();
        time(&format!("overlay {distinct} put"), 100_000, || {
            for k in &keys {
                std::hint::black_box(o.put(k, None, &mut ks));
            }
        });
        time(&format!("overlay {distinct} get"), 100_000, || {
            for k in &keys {
                std::hint::black_box(o.get(k));
            }
        });
    }
}
