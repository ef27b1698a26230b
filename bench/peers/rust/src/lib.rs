//! Rust's tables as peers of the benchmarks: the loops of `bench/loops.h` in Rust. So
//! a loop is one foreign call, and the calls inside are inlined as in any Rust
//! program.

mod tables;
mod ticks;

use std::os::raw::c_void;
use std::slice::{from_raw_parts, from_raw_parts_mut};
use tables::{ShardedSlab, Slotmap, Table};

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Step {
    verb: u32,
    index: u32,
}

const PIN: u32 = 0;
const READ: u32 = 1;
const WRITE: u32 = 2;
const UNPIN: u32 = 3;

/// The functions that `rust_peers.h` calls, in the same order as there.
#[repr(C)]
pub struct Api {
    create: extern "C" fn(usize) -> *mut c_void,
    destroy: unsafe extern "C" fn(*mut c_void),
    pin_many:
        unsafe extern "C" fn(*const c_void, *mut u64, usize, u64) -> usize,
    read_many: unsafe extern "C" fn(*const c_void, *const u64, usize) -> u64,
    write_many:
        unsafe extern "C" fn(*const c_void, *const u64, usize, u64) -> usize,
    unpin_many: unsafe extern "C" fn(*const c_void, *const u64, usize) -> usize,
    pin_unpin: unsafe extern "C" fn(*const c_void, usize, u64) -> usize,
    mix: unsafe extern "C" fn(
        *const c_void,
        *const Step,
        usize,
        *mut u64,
    ) -> u64,
    time: unsafe extern "C" fn(*const c_void, u32, *mut u64, usize, *mut u32),
    for_each_sum: unsafe extern "C" fn(*const c_void) -> u64,
    unpin_all: unsafe extern "C" fn(*const c_void) -> usize,
}

const fn api<T: Table>() -> Api {
    Api {
        create: create::<T>,
        destroy: destroy::<T>,
        pin_many: pin_many::<T>,
        read_many: read_many::<T>,
        write_many: write_many::<T>,
        unpin_many: unpin_many::<T>,
        pin_unpin: pin_unpin::<T>,
        mix: mix::<T>,
        time: time::<T>,
        for_each_sum: for_each_sum::<T>,
        unpin_all: unpin_all::<T>,
    }
}

#[no_mangle]
pub static HOLDFAST_BENCH_SHARDED_SLAB: Api = api::<ShardedSlab>();
#[no_mangle]
pub static HOLDFAST_BENCH_SLOTMAP: Api = api::<Slotmap>();

// Below, `table` must be a result of `create`, and pointers must point to `n`
// elements.

extern "C" fn create<T: Table>(capacity: usize) -> *mut c_void {
    Box::into_raw(Box::new(T::new(capacity))).cast()
}

unsafe extern "C" fn destroy<T: Table>(table: *mut c_void) {
    drop(Box::from_raw(table.cast::<T>()));
}

unsafe fn table_of<'a, T: Table>(table: *const c_void) -> &'a T {
    &*table.cast::<T>()
}

unsafe extern "C" fn pin_many<T: Table>(
    table: *const c_void,
    handles: *mut u64,
    n: usize,
    first_number: u64,
) -> usize {
    let table = table_of::<T>(table);
    let handles = from_raw_parts_mut(handles, n);
    let mut room = table.room(n);
    for (i, handle) in handles.iter_mut().enumerate() {
        *handle = table.pin(first_number.wrapping_add(i as u64), &mut room);
        if *handle == 0 {
            return i;
        }
    }
    n
}

unsafe extern "C" fn read_many<T: Table>(
    table: *const c_void,
    handles: *const u64,
    n: usize,
) -> u64 {
    let table = table_of::<T>(table);
    let mut sum = 0u64;
    for &handle in from_raw_parts(handles, n) {
        if let Some(number) = table.read(handle) {
            sum = sum.wrapping_add(number);
        }
    }
    sum
}

unsafe extern "C" fn write_many<T: Table>(
    table: *const c_void,
    handles: *const u64,
    n: usize,
    number: u64,
) -> usize {
    let table = table_of::<T>(table);
    let handles = from_raw_parts(handles, n);
    handles
        .iter()
        .filter(|&&handle| table.write(handle, number))
        .count()
}

unsafe extern "C" fn unpin_many<T: Table>(
    table: *const c_void,
    handles: *const u64,
    n: usize,
) -> usize {
    let table = table_of::<T>(table);
    let mut room = table.room(0);
    let handles = from_raw_parts(handles, n);
    handles
        .iter()
        .filter(|&&handle| table.unpin(handle, &mut room))
        .count()
}

unsafe extern "C" fn pin_unpin<T: Table>(
    table: *const c_void,
    pairs: usize,
    first_number: u64,
) -> usize {
    let table = table_of::<T>(table);
    let mut room = table.room(1);
    let mut worked = 0;
    for i in 0..pairs {
        let handle = table.pin(first_number.wrapping_add(i as u64), &mut room);
        if handle != 0 && table.unpin(handle, &mut room) {
            worked += 1;
        }
    }
    worked
}

unsafe extern "C" fn mix<T: Table>(
    table: *const c_void,
    steps: *const Step,
    n: usize,
    handles: *mut u64,
) -> u64 {
    let table = table_of::<T>(table);
    let mut room = table.room(0);
    let mut sum = 0u64;
    for step in from_raw_parts(steps, n) {
        let handle = &mut *handles.add(step.index as usize);
        let number = u64::from(step.index);
        match step.verb {
            PIN => *handle = table.pin(number, &mut room),
            READ => sum = sum.wrapping_add(table.read(*handle).unwrap_or(0)),
            WRITE => {
                table.write(*handle, number);
            }
            UNPIN => {
                table.unpin(*handle, &mut room);
            }
            _ => {}
        }
    }
    sum
}

unsafe extern "C" fn time<T: Table>(
    table: *const c_void,
    verb: u32,
    handles: *mut u64,
    n: usize,
    ticks: *mut u32,
) {
    let table = table_of::<T>(table);
    let handles = from_raw_parts_mut(handles, n);
    let ticks = from_raw_parts_mut(ticks, n);
    let mut room = table.room(if verb == PIN { n } else { 0 });
    match verb {
        PIN => ticks::time_each(ticks, |i| {
            handles[i] = table.pin(i as u64, &mut room);
            handles[i]
        }),
        READ => {
            ticks::time_each(ticks, |i| table.read(handles[i]).unwrap_or(0))
        }
        WRITE => ticks::time_each(ticks, |i| {
            table.write(handles[i], i as u64).into()
        }),
        UNPIN => ticks::time_each(ticks, |i| {
            table.unpin(handles[i], &mut room).into()
        }),
        _ => {}
    }
}

unsafe extern "C" fn for_each_sum<T: Table>(table: *const c_void) -> u64 {
    table_of::<T>(table).for_each_sum()
}

unsafe extern "C" fn unpin_all<T: Table>(table: *const c_void) -> usize {
    table_of::<T>(table).unpin_all()
}
