//! holdfast from Rust, through the C interface (include/holdfast/c_api.h): a
//! table of copies of `T` that threads share. No crate is needed.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::mem::{size_of, MaybeUninit};
use std::ops::ControlFlow;
use std::os::raw::{c_char, c_int, c_void};
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::ptr;

/// The declarations of c_api.h that are used here.
mod c {
    use super::*;

    #[repr(C)]
    pub struct Table {
        _opaque: [u8; 0],
    }

    #[repr(C)]
    pub struct Options {
        pub struct_bytes: u32,
        pub handle_bits: u32,
        pub max_slots: u64,
        pub thread_cache_slots: u32,
        pub has_key: u32,
        pub key: u64,
    }

    pub const OK: c_int = 0;
    pub const STOPPED: c_int = 3;
    pub const INVALID_ARGUMENT: c_int = 4;

    pub type Visit = extern "C" fn(*mut c_void, u64, *const c_void) -> c_int;

    #[link(name = "holdfast_c")]
    extern "C" {
        pub fn hf_options_init(options: *mut Options, options_bytes: usize);
        pub fn hf_bytes_table_create(
            value_bytes: usize,
            options: *const Options,
            table: *mut *mut Table,
            message: *mut c_char,
            message_bytes: usize,
        ) -> c_int;
        pub fn hf_bytes_table_destroy(table: *mut Table);
        pub fn hf_bytes_table_pin(
            table: *mut Table,
            value: *const c_void,
            handle: *mut u64,
        ) -> c_int;
        pub fn hf_bytes_table_read(
            table: *const Table,
            handle: u64,
            value: *mut c_void,
        ) -> c_int;
        pub fn hf_bytes_table_exchange(
            table: *mut Table,
            handle: u64,
            value: *const c_void,
            old: *mut c_void,
        ) -> c_int;
        pub fn hf_bytes_table_take(
            table: *mut Table,
            handle: u64,
            value: *mut c_void,
        ) -> c_int;
        pub fn hf_bytes_table_for_each(
            table: *const Table,
            visit: Visit,
            context: *mut c_void,
        ) -> c_int;
        pub fn hf_bytes_table_describe(
            table: *const Table,
            handle: u64,
            text: *mut c_char,
            bytes: usize,
        ) -> usize;
    }
}

/// Names one value of a `Table<T>`. Can be converted to a number and back.
pub struct Handle<T> {
    bits: u64,
    value: PhantomData<fn() -> T>,
}

impl<T> Handle<T> {
    /// Any number may be passed. A table refuses one that it has not issued.
    pub fn from_bits(bits: u64) -> Self {
        Handle {
            bits,
            value: PhantomData,
        }
    }
    pub fn bits(self) -> u64 {
        self.bits
    }
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Handle<T> {}
impl<T> PartialEq for Handle<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}
impl<T> Eq for Handle<T> {}

/// Why a table could not be created.
#[derive(Debug)]
pub enum Error {
    InvalidArgument(String),
    ResourceExhausted(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Error::InvalidArgument(text) | Error::ResourceExhausted(text) => {
                f.write_str(text)
            }
        }
    }
}
impl std::error::Error for Error {}

/// A table of values, named by handles. Threads share it by reference or in an
/// `Arc`.
pub struct Table<T: Copy> {
    raw: *mut c::Table,
    value: PhantomData<fn(T) -> T>, // Invariant in T, as `Cell<T>` is.
}

// Any number of threads may call every function. A value that one thread pins,
// another thread reads as a copy: so values are sent, and never shared.
unsafe impl<T: Copy + Send> Send for Table<T> {}
unsafe impl<T: Copy + Send> Sync for Table<T> {}

impl<T: Copy> Table<T> {
    /// Creates a table of up to `max_slots` values, each of at most 64 bytes.
    pub fn new(max_slots: u64) -> Result<Self, Error> {
        let mut raw = ptr::null_mut();
        let mut message = [0u8; 512];
        let status = unsafe {
            let mut options = MaybeUninit::<c::Options>::uninit();
            c::hf_options_init(options.as_mut_ptr(), size_of::<c::Options>());
            let mut options = options.assume_init();
            options.max_slots = max_slots;
            c::hf_bytes_table_create(
                size_of::<T>(),
                &options,
                &mut raw,
                message.as_mut_ptr().cast(),
                message.len(),
            )
        };
        if status == c::OK {
            return Ok(Table {
                raw,
                value: PhantomData,
            });
        }
        let end = message.iter().position(|&b| b == 0).unwrap_or(0);
        let text = String::from_utf8_lossy(&message[..end]).into_owned();
        Err(if status == c::INVALID_ARGUMENT {
            Error::InvalidArgument(text)
        } else {
            Error::ResourceExhausted(text)
        })
    }

    /// Puts `value` into the table. Returns `None` if the table is full.
    pub fn pin(&self, value: T) -> Option<Handle<T>> {
        let mut bits = 0;
        let value: *const T = &value;
        let status =
            unsafe { c::hf_bytes_table_pin(self.raw, value.cast(), &mut bits) };
        (status == c::OK).then(|| Handle::from_bits(bits))
    }

    /// Returns a copy of the value, or `None` if `handle` is not live.
    pub fn read(&self, handle: Handle<T>) -> Option<T> {
        Self::filled(|out| unsafe {
            c::hf_bytes_table_read(self.raw, handle.bits, out)
        })
    }

    /// Replaces the value and returns the old one, or `None` if `handle` is not
    /// live.
    pub fn exchange(&self, handle: Handle<T>, value: T) -> Option<T> {
        let value: *const T = &value;
        Self::filled(|out| unsafe {
            c::hf_bytes_table_exchange(self.raw, handle.bits, value.cast(), out)
        })
    }

    /// Makes `handle` stale, and returns its last value. If several threads call
    /// this for one handle, one of them gets the value, and the others `None`.
    pub fn take(&self, handle: Handle<T>) -> Option<T> {
        Self::filled(|out| unsafe {
            c::hf_bytes_table_take(self.raw, handle.bits, out)
        })
    }

    /// Calls `visit` for each value, until `visit` returns `Break`.
    pub fn for_each<F>(&self, visit: F) -> ControlFlow<()>
    where
        F: FnMut(Handle<T>, T) -> ControlFlow<()>,
    {
        let mut walk = Walk { visit, panic: None };
        let context: *mut Walk<F> = &mut walk;
        let status = unsafe {
            c::hf_bytes_table_for_each(
                self.raw,
                visit_one::<T, F>,
                context.cast(),
            )
        };
        if let Some(panic) = walk.panic {
            resume_unwind(panic);
        }
        if status == c::STOPPED {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Says why `handle` is refused, for messages.
    pub fn describe(&self, handle: Handle<T>) -> String {
        let mut text = [0u8; 192];
        let length = unsafe {
            c::hf_bytes_table_describe(
                self.raw,
                handle.bits,
                text.as_mut_ptr().cast(),
                text.len(),
            )
        };
        String::from_utf8_lossy(&text[..length.min(text.len() - 1)])
            .into_owned()
    }

    /// Returns the T that `fill` has filled in, if `fill` returns `OK`.
    fn filled(fill: impl FnOnce(*mut c_void) -> c_int) -> Option<T> {
        let mut value = MaybeUninit::<T>::uninit();
        if fill(value.as_mut_ptr().cast()) != c::OK {
            return None;
        }
        // Safe: the bytes are a copy of a T that was pinned or written.
        Some(unsafe { value.assume_init() })
    }
}

impl<T: Copy> Drop for Table<T> {
    fn drop(&mut self) {
        unsafe { c::hf_bytes_table_destroy(self.raw) };
    }
}

struct Walk<F> {
    visit: F,
    panic: Option<Box<dyn Any + Send>>,
}

/// The function that the library calls for each value. A panic must not leave a
/// function that C calls: so a panic ends the walk, and `for_each` resumes it.
extern "C" fn visit_one<T, F>(
    context: *mut c_void,
    bits: u64,
    value: *const c_void,
) -> c_int
where
    T: Copy,
    F: FnMut(Handle<T>, T) -> ControlFlow<()>,
{
    let walk = unsafe { &mut *context.cast::<Walk<F>>() };
    let value = unsafe { value.cast::<T>().read_unaligned() };
    let visit = &mut walk.visit;
    match catch_unwind(AssertUnwindSafe(|| {
        visit(Handle::from_bits(bits), value)
    })) {
        Ok(ControlFlow::Continue(())) => 0,
        Ok(ControlFlow::Break(())) => 1,
        Err(panic) => {
            walk.panic = Some(panic);
            1
        }
    }
}
