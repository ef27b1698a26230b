//! The tables themselves. As `bench/loops.h` requires, no handle is 0.

use sharded_slab::Slab;
use slotmap::{DefaultKey, Key, KeyData, SlotMap};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

pub trait Table: Sized {
    fn new(capacity: usize) -> Self;
    /// Returns the room with which a loop pins and unpins. Takes room for `pins` values,
    /// if there is any.
    fn room(&self, pins: usize) -> Room<'_>;
    /// Returns 0 if the table is full.
    fn pin(&self, number: u64, room: &mut Room<'_>) -> u64;
    fn read(&self, handle: u64) -> Option<u64>;
    fn write(&self, handle: u64, number: u64) -> bool;
    fn unpin(&self, handle: u64, room: &mut Room<'_>) -> bool;
    fn for_each_sum(&self) -> u64;
    fn unpin_all(&self) -> usize;
}

/// How many more values a loop may pin into a table that has no capacity of its own.
/// A loop takes room for several pins at a time: otherwise the benchmarks would
/// measure a shared counter.
pub struct Room<'a> {
    left: &'a AtomicUsize,
    mine: usize,
}

impl<'a> Room<'a> {
    /// The most room that a loop keeps from its unpins.
    const KEPT: usize = 16;

    fn new(left: &'a AtomicUsize, pins: usize) -> Self {
        let mut room = Room { left, mine: 0 };
        room.refill(pins);
        room
    }

    fn refill(&mut self, wanted: usize) {
        if wanted == 0 {
            return;
        }
        let taken = |left: usize| left.min(wanted);
        let take = |left: usize| Some(left - taken(left));
        let before =
            self.left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        self.mine += taken(before.unwrap_or(0));
    }

    #[inline]
    fn take(&mut self) -> bool {
        if self.mine == 0 {
            self.refill(1);
            if self.mine == 0 {
                return false;
            }
        }
        self.mine -= 1;
        true
    }

    #[inline]
    fn give(&mut self) {
        self.mine += 1;
        if self.mine > Self::KEPT {
            self.left.fetch_add(self.mine, Ordering::Relaxed);
            self.mine = 0;
        }
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if self.mine != 0 {
            self.left.fetch_add(self.mine, Ordering::Relaxed);
        }
    }
}

/// sharded-slab's Slab. It has no write and no removal of everything, and iterates
/// only while no other thread uses it.
pub struct ShardedSlab {
    slab: UnsafeCell<Slab<u64>>,
    capacity: usize,
    left: AtomicUsize,
    iterating: Mutex<()>,
}

unsafe impl Sync for ShardedSlab {}

impl ShardedSlab {
    #[inline(always)]
    fn slab(&self) -> &Slab<u64> {
        // Safe: no thread is inside for_each_sum.
        unsafe { &*self.slab.get() }
    }
}

impl Table for ShardedSlab {
    fn new(capacity: usize) -> Self {
        ShardedSlab {
            slab: UnsafeCell::new(Slab::new()),
            capacity,
            left: AtomicUsize::new(capacity),
            iterating: Mutex::new(()),
        }
    }

    fn room(&self, pins: usize) -> Room<'_> {
        Room::new(&self.left, pins)
    }

    #[inline(always)]
    fn pin(&self, number: u64, room: &mut Room<'_>) -> u64 {
        if !room.take() {
            return 0;
        }
        match self.slab().insert(number) {
            Some(key) => key as u64 + 1,
            None => {
                room.give();
                0
            }
        }
    }

    #[inline(always)]
    fn read(&self, handle: u64) -> Option<u64> {
        self.slab()
            .get(handle.wrapping_sub(1) as usize)
            .map(|found| *found)
    }

    fn write(&self, _: u64, _: u64) -> bool {
        false
    }

    /// Uses `take`, which waits for readers. But it does one CAS instead of the two of
    /// `remove`, and lets only one of several racing calls succeed.
    #[inline(always)]
    fn unpin(&self, handle: u64, room: &mut Room<'_>) -> bool {
        let key = handle.wrapping_sub(1) as usize;
        let live = self.slab().take(key).is_some();
        if live {
            room.give();
        }
        live
    }

    fn for_each_sum(&self) -> u64 {
        // The iterator panics if the slab has never had a value.
        if self.left.load(Ordering::Relaxed) == self.capacity {
            return 0;
        }
        let _alone = self.iterating.lock().unwrap();
        // Safe: the caller makes sure that no other thread uses the table.
        let slab = unsafe { &mut *self.slab.get() };
        slab.unique_iter()
            .fold(0, |sum, number| sum.wrapping_add(*number))
    }

    fn unpin_all(&self) -> usize {
        0
    }
}

/// slotmap's SlotMap, for one thread, under a mutex.
pub struct Slotmap {
    map: Mutex<SlotMap<DefaultKey, u64>>,
    capacity: usize,
    unused: AtomicUsize,
}

impl Slotmap {
    #[inline(always)]
    fn map(&self) -> MutexGuard<'_, SlotMap<DefaultKey, u64>> {
        self.map.lock().unwrap()
    }
}

fn key_of(handle: u64) -> DefaultKey {
    KeyData::from_ffi(handle).into()
}

impl Table for Slotmap {
    fn new(capacity: usize) -> Self {
        Slotmap {
            map: Mutex::new(SlotMap::with_capacity(capacity)),
            capacity,
            unused: AtomicUsize::new(0),
        }
    }

    /// The map itself knows how many values it has.
    fn room(&self, _: usize) -> Room<'_> {
        Room::new(&self.unused, 0)
    }

    #[inline(always)]
    fn pin(&self, number: u64, _: &mut Room<'_>) -> u64 {
        let mut map = self.map();
        if map.len() >= self.capacity {
            return 0;
        }
        map.insert(number).data().as_ffi()
    }

    #[inline(always)]
    fn read(&self, handle: u64) -> Option<u64> {
        self.map().get(key_of(handle)).copied()
    }

    #[inline(always)]
    fn write(&self, handle: u64, number: u64) -> bool {
        let mut map = self.map();
        let found = map.get_mut(key_of(handle));
        found.map(|kept| *kept = number).is_some()
    }

    #[inline(always)]
    fn unpin(&self, handle: u64, _: &mut Room<'_>) -> bool {
        self.map().remove(key_of(handle)).is_some()
    }

    fn for_each_sum(&self) -> u64 {
        self.map()
            .values()
            .fold(0, |sum, number| sum.wrapping_add(*number))
    }

    fn unpin_all(&self) -> usize {
        let mut map = self.map();
        let live = map.len();
        map.clear();
        live
    }
}
