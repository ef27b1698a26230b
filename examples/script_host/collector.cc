#include "examples/script_host/collector.h"

#include <atomic>
#include <cstdint>
#include <sstream>
#include <thread>
#include <utility>

#include "examples/script_host/host.h"
#include "examples/script_host/host_object.h"

namespace script_host {

Collector::Collector(Host& host) : host_(host), thread_([this] { Run(); }) {}

void Collector::Stop() {
  // order: relaxed. The flag publishes nothing. join() makes visible what the
  // thread has counted.
  stop_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
}

void Collector::Run() {
  // order: relaxed. See Stop.
  while (!stop_.load(std::memory_order_relaxed)) {
    const Marks last = std::exchange(marks_, Marks());
    host_.table.ForEach([&](Handle handle, const HostObject& object) {
      Visit(last, handle, object);
    });
    if (!marks_.empty()) walks_.Add();
  }
}

// Marks a root, and checks it. No script can cause a fault, whatever it does: a
// fault is a defect of the table.
void Collector::Visit(const Marks& last, Handle handle,
                      const HostObject& object) {
  roots_.Add();
  if (!IsWhole(object)) Fault(handle, "has a torn object");
  if (!marks_.insert({handle, object.serial}).second) {
    Fault(handle, "was visited twice in one walk");
  }
  const auto before = last.find(handle);
  if (before != last.end() && before->second != object.serial) {
    Fault(handle, "went over to another object");
  }
}

void Collector::Fault(Handle handle, const char* what) {
  faults_.Add();
  std::ostringstream error;
  error << "collector: " << handle << ' ' << what;
  host_.PrintError(error.str());
}

}  // namespace script_host
