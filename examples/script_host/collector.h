// A thread that walks the table while scripts use it, as a garbage collector
// does to find its roots, and checks what it sees.

#ifndef HOLDFAST_EXAMPLES_SCRIPT_HOST_COLLECTOR_H_
#define HOLDFAST_EXAMPLES_SCRIPT_HOST_COLLECTOR_H_

#include <atomic>
#include <cstdint>
#include <thread>
#include <unordered_map>

#include "examples/script_host/host.h"
#include "examples/script_host/host_object.h"

namespace script_host {

class Collector {
 public:
  // Starts the thread.
  explicit Collector(Host& host);
  ~Collector() { Stop(); }

  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  // Ends the thread after the walk that it is on.
  void Stop();

  // The number of walks that found roots, of roots that all walks found, and of
  // checks that failed.
  uint64_t walks() const { return walks_.value(); }
  uint64_t roots() const { return roots_.value(); }
  uint64_t faults() const { return faults_.value(); }

 private:
  // The roots that a walk has visited, each with its object's serial.
  using Marks = std::unordered_map<Handle, uint64_t>;

  void Run();
  void Visit(const Marks& last, Handle handle, const HostObject& object);
  void Fault(Handle handle, const char* what);

  Host& host_;
  Marks marks_;
  Counter walks_;
  Counter roots_;
  Counter faults_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace script_host

#endif  // HOLDFAST_EXAMPLES_SCRIPT_HOST_COLLECTOR_H_
