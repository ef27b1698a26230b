// -----------------------------------------------------------------------------
// File: handle_table.h
// -----------------------------------------------------------------------------
//
// `holdfast::HandleTable<T>` keeps values for handles: Pin() a value and get a
// 64-bit `Handle<T>`; any thread may read, write or unpin through it, without
// locks. A stale handle, whose value was unpinned, is told apart from a live
// one for ever, whatever its slot was used for since.
//
// It is made for the host roots of a language runtime, for resource handles and
// for object ids: values of 1 to 64 bytes, identified by a number that may go
// through script code, C and hash maps, while a collector walks the table.
//
// Use something else if values need destructors, if they are larger (pin a
// pointer or an index), if one thread does everything (a plain slot map will
// do), or if readers must keep a value alive while they use it (that is
// reference counting; a handle only says whether the value is still pinned).
//
// Example:
//
//   auto table = holdfast::HandleTable<Object*>::Create();
//   if (!table.ok()) return table.status();
//   holdfast::Handle<Object*> handle = table->Pin(object);
//   lua_pushinteger(L, static_cast<lua_Integer>(handle.bits()));
//   ...
//   auto found = table->Read(handle);  // std::optional<Object*>
//   if (found) Use(*found);
//   table->Unpin(handle);  // true
//   table->Unpin(handle);  // false: stale, nothing is done
//
// Thread safety: every method may be called by any number of threads at once,
// except where it says otherwise, and except for moving and destroying the
// table. Create, and whatever passes the table on, must happen before.
//
// Progress: no operation waits for another thread, which may stop for good
// anywhere inside a call without holding the others up. (One exception: Write
// and Exchange by threads without a cell of their own, see Write.) Read and
// Contains are wait-free on values that are not being written, Pin and Unpin
// while the thread's own cache of free slots serves; the rest is lock-free. See
// each.
//
// Memory ordering, for any threads X and Y: what happened before Pin(v) in X is
// visible in Y after a Read, Take or Exchange that returns v, however the
// handle came to Y; the same holds for Write(v) and Exchange(v). What X did
// before an Unpin, Take or UnpinAll that ended a life is visible in Y after any
// call that finds that life over (Contains and Diagnose that say so; a Read,
// Write, Exchange, Unpin or Take that is refused; ForEach that does not show
// it; UnpinAll and GetStats that do not count it), and after the Pin that
// reuses the slot. Operations on one slot are linearizable, UnpinAll as one
// Unpin for each slot; but a thread to which a handle came without
// synchronization may be refused until it sees the Pin.
//
// Values: T is trivially copyable and copy constructible, of 1 to 64 bytes, no
// array and not const. It may lack a default constructor and assignment, and
// overload any operator, & among them.
//
// Limits: 2^30 - 1 slots, 2^31 - 1 lives of each slot; the two trade against
// each other in Traits. A slot that has served its lives is retired, and its
// capacity lost: GetStats tells. Another table's handle is refused, but for one
// look-up in 2^31 (2^(kGenerationBits - 1)) by accident.
//
// Threads: one that stops for good costs the table at most its cache, one batch
// (half a cache) and one slot; what it had pinned stays pinned. One that leaves
// a call halfway, and goes on or exits in order, costs a batch and a slot or
// cell each time: it is cancelled there, or a signal handler jumps out of it or
// calls pthread_exit. (Past Traits::kMaxThreads, both keep one of the
// kMaxSharedSpares cells if they were inside Write.) Until a thread is gone,
// its exit hooks may use tables: thread_locals, pthread keys, malloc's. A fiber
// may go on in another thread between two calls.
//
// Signals: a handler may call Read and Contains, whatever it interrupts, and
// nothing that changes the table: it may have interrupted the same in its own
// thread.
//
// Plug-ins: a process may hold several copies of this library, of one version.
// A table may pass between them; a call from another copy than the one that
// made the table is slower. That copy must stay loaded as long as the table.
//
// Fork: parent and child each go on with a copy. To the child, every other
// thread has stopped for good. Handles of before are valid in both; those made
// after must not pass between the processes.

#ifndef HOLDFAST_HANDLE_TABLE_H_
#define HOLDFAST_HANDLE_TABLE_H_

#include "holdfast/internal/cpp17.h"
// Below C++17 that is as far as a compiler comes.

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "holdfast/handle_table_verbs.h"  // IWYU pragma: export
#include "holdfast/internal/creation_error.h"

namespace holdfast {

template <typename T, typename Traits>
auto HandleTable<T, Traits>::Create(const Options& options) {
  internal::CreationError error;
  HandleTable table = Make(options, &error);
  if (error.ok()) return absl::StatusOr<HandleTable>(std::move(table));
  const bool is_invalid =
      error.code == internal::CreationError::Code::kInvalidArgument;
  return absl::StatusOr<HandleTable>(
      is_invalid ? absl::InvalidArgumentError(error.message)
                 : absl::ResourceExhaustedError(error.message));
}

template <typename T, typename Traits>
auto HandleTable<T, Traits>::Describe(Handle handle) const {
  return std::string(ToText(handle).text);
}

}  // namespace holdfast

#endif  // HOLDFAST_HANDLE_TABLE_H_
