// -----------------------------------------------------------------------------
// File: handle_table.h
// -----------------------------------------------------------------------------
//
// A `holdfast::HandleTable<T>` holds values of type T. Pin() puts a value into
// the table and returns a 64-bit `Handle<T>`; with the handle, any thread may
// read, replace or unpin the value, without locks. A handle is live from its
// Pin to its Unpin, and stale from then on: the table tells a stale handle from
// a live one for ever.
//
// It is made for the host roots of a language runtime, for resource handles and
// for object ids: values of 1 to 64 bytes, identified by a number that may go
// through script code, C and hash maps, while a collector walks the table,
// moves what the values refer to, and clears weak roots.
//
// Use an ObjectTable if values need destructors, if they are larger (or pin a
// pointer or an index to them), or if readers must keep a value alive while
// they use it: here, a handle only tells whether the value is still pinned. If
// one thread does everything, a plain slot map will do.
//
// Example:
//
//   auto created = holdfast::HandleTable<Object*>::Create();
//   if (!created.ok()) return created.status();
//   holdfast::HandleTable<Object*> table = *std::move(created);
//   holdfast::Handle<Object*> handle = table.Pin(object);
//   lua_pushinteger(L, static_cast<lua_Integer>(handle.bits()));
//   ...
//   std::optional<Object*> found = table.Read(handle);
//   if (found) Use(*found);
//   table.Unpin(handle);  // true
//   table.Unpin(handle);  // false: the handle is stale, nothing is done
//
// Terms: a table is an array of slots. Each Pin takes a free slot and begins a
// new life of it, which the Unpin ends. Each thread that uses a table keeps
// some of its free slots for itself: the thread's cache. Slots move between the
// caches and a free list, which all threads share, in batches. If
// values are too large to be changed at once (kComparesValues is false), they
// lie in cells, and a thread also has a spare cell, in which Write prepares the
// new value.
//
// Thread safety: any number of threads may call any methods at once, except
// where a method says otherwise, and except for moving and destroying the
// table. Create must happen before every use of the table.
//
// Progress: no call waits for another thread, and a thread that stops for good
// inside a call does not hold up the others. (The one exception is Write and
// Exchange in a thread without a spare cell of its own: see Write.) Contains
// is wait-free; so is Read if kComparesValues, or else while no other thread
// writes to the value; and so is Pin while the thread's cache has a free slot.
// Everything else is lock-free. Each method says when it may have to retry.
//
// Memory ordering: whatever happened before the call that stored a value v
// (Pin, Write, Exchange, CompareExchange or Update) is visible to a thread once
// one of its calls has found v (Read, Take, Exchange, CompareExchange, Update,
// UnpinIf, or a walk), however the handle came to that thread. Whatever
// happened before the call that ended a life (Unpin, Take, UnpinIf, UnpinWhere
// or UnpinAll) is visible to a thread once one of its calls has found that life
// over, or its Pin has reused the slot. Calls that find a life over are:
// Contains and Diagnose that say so; any other verb that is refused; a ForEach
// that does not show the value; an UnpinAll or GetStats that does not count it.
//
// Operations on one slot are linearizable; UnpinAll and UnpinWhere act as one
// Unpin or UnpinIf for each slot. But if a handle came to a thread without
// synchronization, the thread may be refused until it sees the Pin.
//
// Values: T is trivially copyable and copy constructible, has 1 to 64 bytes,
// and is neither an array nor const. T may lack a default constructor and
// assignment, and may overload any operator, including unary &.
//
// Limits: 2^30 - 1 slots, and 2^31 - 1 lives of each slot; Traits can trade one
// for the other. A slot that has served all its lives is retired: the table
// then holds one value less, and GetStats counts the slot. Another table's
// handle is refused, except for one look-up in 2^31 (2^(kGenerationBits - 1))
// that takes it for a live handle by accident.
//
// Threads: a thread that stops for good costs the table at most its cache, one
// batch and one slot; the values that it had pinned stay pinned. A thread may
// also leave a call halfway and then go on or exit normally: it is cancelled
// there, or a signal handler jumps out of the call or calls pthread_exit. Each
// time, that costs at most a batch, and a slot or a spare cell; or each table a
// cache, if the thread leaves its first call of all or a Pin that finds the
// table full. (Where values lie in cells, a thread beyond Traits::kMaxThreads
// that stops inside Write or leaves it halfway also costs one of the
// kMaxSharedSpares cells.) The
// exit hooks of a thread may use tables until the thread is gone: destructors
// of thread_local objects and of pthread keys, and malloc's. A fiber may move
// to another thread between two calls.
//
// Signals: a handler may call Read, ReadMany and Contains, whatever it
// interrupts. It must not call anything that changes the table, since it may
// have interrupted a similar call of its own thread.
//
// Plug-ins: a process may hold several copies of this library, all of one
// version. A table may pass from one copy to another. Calls from a copy other
// than the one that created the table are slower, and the copy that created it
// must stay loaded as long as the table exists.
//
// Fork: parent and child each go on with their own copy of the table. To the
// child, every other thread has stopped for good. Handles issued before the
// fork are valid in both processes; handles issued later must not pass between
// them.

#ifndef HOLDFAST_HANDLE_TABLE_H_
#define HOLDFAST_HANDLE_TABLE_H_

#include "holdfast/internal/cpp17.h"
// Before C++17, compilation ends there with an error that says why.

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/utility/utility.h"
#include "holdfast/handle_table_verbs.h"  // IWYU pragma: export
#include "holdfast/internal/creation_error.h"

namespace holdfast {

template <typename T, typename Traits>
auto HandleTable<T, Traits>::Create(const Options& options) {
  internal::CreationError error;
  absl::StatusOr<HandleTable> created(absl::in_place, ForMake(), options,
                                      &error, kHandleBits);
  if (!error.ok()) {
    const bool is_invalid =
        error.code == internal::CreationError::Code::kInvalidArgument;
    created = is_invalid ? absl::InvalidArgumentError(error.message)
                         : absl::ResourceExhaustedError(error.message);
  }
  return created;
}

template <typename T, typename Traits>
auto HandleTable<T, Traits>::Describe(Handle handle) const {
  return std::string(ToText(handle).text);
}

}  // namespace holdfast

#endif  // HOLDFAST_HANDLE_TABLE_H_
