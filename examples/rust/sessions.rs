//! Threads in Rust share sessions by handle: each worker opens sessions and sends
//! their handles to the next worker, as plain numbers. That worker counts a hit of
//! each session and closes every other one. The program panics if a check fails.

mod holdfast;

use holdfast::{Error, Handle, Table};
use std::ops::ControlFlow;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::thread;

const WORKERS: u64 = 4;
const SESSIONS: u64 = 10_000; // That each worker opens.

#[derive(Clone, Copy, Debug, PartialEq)]
struct Session {
    user: u64,
    hits: u32,
    worker: u32,
}

/// Opens sessions, and sends their handles to the next worker. Returns them.
fn open(
    table: &Table<Session>,
    worker: u64,
    next: Sender<u64>,
) -> Vec<Handle<Session>> {
    (0..SESSIONS)
        .map(|i| {
            let user = worker * SESSIONS + i;
            let session = Session {
                user,
                hits: 0,
                worker: worker as u32,
            };
            let handle = table.pin(session).expect("the table has room");
            next.send(handle.bits()).expect("the next worker listens");
            handle
        })
        .collect()
}

/// Counts a hit of each session that arrives, and closes every other one. Only
/// the worker that a handle was sent to changes the session, so no hit is lost.
/// Returns how many sessions were closed.
fn serve(table: &Table<Session>, arriving: Receiver<u64>) -> u64 {
    let mut closed = 0;
    for bits in arriving {
        let handle = Handle::from_bits(bits);
        let session = table.read(handle).expect("nobody else closes it");
        let hit = Session {
            hits: session.hits + 1,
            ..session
        };
        assert_eq!(table.exchange(handle, hit), Some(session));
        if session.user % 2 == 1 {
            assert_eq!(table.take(handle), Some(hit));
            assert_eq!(table.take(handle), None);
            closed += 1;
        }
    }
    closed
}

/// Does a worker's job. Returns how many sessions it has closed, and the handles
/// of those that it has opened.
fn work(
    table: &Table<Session>,
    worker: u64,
    next: Sender<u64>,
    arriving: Receiver<u64>,
) -> (u64, Vec<Handle<Session>>) {
    let opened = open(table, worker, next);
    (serve(table, arriving), opened)
}

fn share() -> Result<(), Error> {
    let table = Table::new(WORKERS * SESSIONS)?;
    let mut senders = Vec::new();
    let mut receivers = Vec::new();
    for _ in 0..WORKERS {
        let (sender, receiver) = channel();
        senders.push(sender);
        receivers.push(receiver);
    }
    senders.rotate_left(1); // Each worker sends to the next one.
    let results: Vec<_> = thread::scope(|scope| {
        let table = &table;
        let workers: Vec<_> = (0..WORKERS)
            .zip(senders.into_iter().zip(receivers))
            .map(|(i, (next, arriving))| {
                scope.spawn(move || work(table, i, next, arriving))
            })
            .collect();
        workers
            .into_iter()
            .map(|w| w.join().expect("no worker panics"))
            .collect()
    });

    let closed: u64 = results.iter().map(|(closed, _)| closed).sum();
    println!("{} sessions opened, {} closed", WORKERS * SESSIONS, closed);
    assert_eq!(closed, WORKERS * SESSIONS / 2);

    // Handles of closed sessions are stale; the others are live.
    let mut stale = None;
    for (_, opened) in &results {
        for (i, &handle) in opened.iter().enumerate() {
            assert_eq!(table.read(handle).is_some(), i % 2 == 0);
            if i % 2 == 1 {
                stale = Some(handle);
            }
        }
    }
    let described = table.describe(stale.expect("half of them are stale"));
    println!("{}", described);
    assert!(described.contains("is stale: slot "));
    walk(&table);
    Ok(())
}

/// Checks that a walk visits what is live, and that a return value or a panic can
/// end it.
fn walk(table: &Table<Session>) {
    let mut visited = 0;
    let ended = table.for_each(|handle, session| {
        assert_eq!(table.read(handle), Some(session));
        assert_eq!((session.hits, session.user % 2), (1, 0));
        visited += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(ended, ControlFlow::Continue(()));
    assert_eq!(visited, WORKERS * SESSIONS / 2);
    println!("{} sessions visited", visited);

    let mut seen = 0;
    let ended = table.for_each(|_, _| {
        seen += 1;
        if seen == 10 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert_eq!((ended, seen), (ControlFlow::Break(()), 10));

    let panic = catch_unwind(AssertUnwindSafe(|| {
        table.for_each(|_, _| resume_unwind(Box::new("enough")))
    }));
    assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"enough"));
}

fn main() {
    if let Err(error) = share() {
        panic!("no table: {}", error);
    }
    match Table::<u8>::new(0) {
        Err(Error::InvalidArgument(text)) => println!("refused: {}", text),
        _ => panic!("a table without slots"),
    }
    println!("passed");
}
