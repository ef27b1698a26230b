#include "examples/script_host/host.h"

#include <iostream>
#include <string>

namespace script_host {

void Host::PrintError(const std::string& error) {
  absl::MutexLock lock(&mutex_);
  if (!errors_.insert(error).second) return;
  std::cerr << "error: " << error << std::endl;
}

}  // namespace script_host
