// A thread with a Lua state of its own, in which it runs one script.

#ifndef HOLDFAST_EXAMPLES_SCRIPT_HOST_WORKER_H_
#define HOLDFAST_EXAMPLES_SCRIPT_HOST_WORKER_H_

#include <cstdint>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "examples/script_host/host.h"
#include "lua.hpp"

namespace script_host {

struct Counters {
  Counter requests;
  Counter pins;
  Counter reads;   // These three count calls whose handle was live.
  Counter writes;  // host.exchange counts here, too.
  Counter unpins;  // host.take counts here, too.
  Counter refused;
};

class Worker {
 public:
  // Starts the thread. `number` counts from 1, and `script` is an index of
  // Host::scripts.
  Worker(Host& host, uint32_t number, uint32_t script, uint64_t seed);
  ~Worker() { thread_.join(); }

  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Waits until the script has ended, or until the deadline. Returns whether it
  // has ended.
  bool WaitUntil(absl::Time deadline) const {
    return done_.WaitForNotificationWithDeadline(deadline);
  }
  // Returns whether the script has failed. Requires that it has ended.
  bool failed() const { return failed_; }

  uint32_t number() const { return number_; }
  uint32_t script() const { return script_; }
  const Counters& counters() const { return counters_; }

  // --- For the host module, on the worker's thread ---------------------------

  // Returns the worker that runs `state`.
  static Worker& Of(lua_State* state) {
    return **static_cast<Worker**>(lua_getextraspace(state));
  }
  Host& host() { return host_; }
  Counters& counters() { return counters_; }
  uint64_t NextSerial() { return uint64_t{number_} << 40 | ++last_serial_; }

 private:
  void Run();
  bool RunScript(lua_State* state);
  static int Prepare(lua_State* state);

  Host& host_;
  const uint32_t number_;
  const uint32_t script_;
  const uint64_t seed_;
  uint64_t last_serial_ = 0;
  Counters counters_;
  bool failed_ = false;  // Written before done_.
  absl::Notification done_;
  std::thread thread_;
};

}  // namespace script_host

#endif  // HOLDFAST_EXAMPLES_SCRIPT_HOST_WORKER_H_
