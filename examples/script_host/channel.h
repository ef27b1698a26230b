// A bounded queue of handles, from producer scripts to consumer scripts.

#ifndef HOLDFAST_EXAMPLES_SCRIPT_HOST_CHANNEL_H_
#define HOLDFAST_EXAMPLES_SCRIPT_HOST_CHANNEL_H_

#include <cstddef>
#include <deque>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "examples/script_host/host_object.h"

namespace script_host {

class Channel {
 public:
  static constexpr size_t kCapacity = 1024;

  // Waits until there is room, and sends the handle. Returns false, and sends
  // nothing, if the channel is closed.
  bool Send(Handle handle) {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &Channel::CanSend));
    if (closed_) return false;
    handles_.push_back(handle);
    return true;
  }

  // Waits for a handle, and returns it. Returns the null handle if the channel
  // is closed and nothing is left in it.
  Handle Receive() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &Channel::CanReceive));
    if (handles_.empty()) return Handle();
    const Handle handle = handles_.front();
    handles_.pop_front();
    return handle;
  }

  void Close() {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }

 private:
  bool CanSend() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return closed_ || handles_.size() < kCapacity;
  }
  bool CanReceive() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return closed_ || !handles_.empty();
  }

  absl::Mutex mutex_;
  std::deque<Handle> handles_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace script_host

#endif  // HOLDFAST_EXAMPLES_SCRIPT_HOST_CHANNEL_H_
