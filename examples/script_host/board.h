// Handles under names, which all scripts share.

#ifndef HOLDFAST_EXAMPLES_SCRIPT_HOST_BOARD_H_
#define HOLDFAST_EXAMPLES_SCRIPT_HOST_BOARD_H_

#include <functional>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "examples/script_host/host_object.h"

namespace script_host {

// The board does not care whether a handle is live: whoever looks one up finds
// out from the table. Nobody needs to take a handle down when it is unpinned.
class Board {
 public:
  // The null handle if there is nothing under the name.
  Handle Lookup(absl::string_view name) const {
    absl::ReaderMutexLock lock(&mutex_);
    const auto found = handles_.find(name);
    return found == handles_.end() ? Handle() : found->second;
  }

  // Puts `handle` under the name in the place of `expected`; false, and nothing
  // is changed, if there is another one by now. Null handles mean nothing.
  bool Publish(absl::string_view name, Handle handle, Handle expected) {
    absl::MutexLock lock(&mutex_);
    Handle& place = handles_[std::string(name)];
    if (place != expected) return false;
    place = handle;
    return true;
  }

 private:
  mutable absl::Mutex mutex_;
  std::map<std::string, Handle, std::less<>> handles_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace script_host

#endif  // HOLDFAST_EXAMPLES_SCRIPT_HOST_BOARD_H_
