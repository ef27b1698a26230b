// The board: handles under names, which all scripts share.

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

// The board does not know whether its handles are live. A script that looks one
// up finds that out from the table, so a handle may stay on the board when it
// is unpinned.
class Board {
 public:
  // Returns the handle under the name, or the null handle if there is none.
  Handle Lookup(absl::string_view name) const {
    absl::ReaderMutexLock lock(&mutex_);
    const auto found = handles_.find(name);
    return found == handles_.end() ? Handle() : found->second;
  }

  // Puts `handle` under the name if `expected` is there now. Otherwise changes
  // nothing and returns false. The null handle stands for no handle.
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
