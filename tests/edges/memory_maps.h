// The memory of this process as the system sees it: sums over its mappings.

#ifndef HOLDFAST_TESTS_EDGES_MEMORY_MAPS_H_
#define HOLDFAST_TESTS_EDGES_MEMORY_MAPS_H_

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

namespace holdfast {

struct MemoryMaps {
  // All numbers are bytes, from /proc/self/smaps.
  uint64_t mapped = 0;
  // The private and writable mappings, which the system charges as memory that
  // may be needed, and which `ulimit -d` limits.
  uint64_t charged = 0;
  // The mappings in a core dump: those that can be written to or were written
  // to, unless they are marked to be left out.
  uint64_t dumped = 0;
  uint64_t dirty_and_dumped = 0;
  uint64_t dirty = 0;
  uint64_t resident = 0;
  uint64_t locked = 0;
  uint64_t huge = 0;  // In transparent huge pages.
  // Mappings for which the process has asked for huge pages.
  uint64_t asked_huge = 0;

  static MemoryMaps Now() {
    MemoryMaps all;
    Mapping mapping;
    std::ifstream maps("/proc/self/smaps");
    for (std::string line; std::getline(maps, line);) {
      if (IsHeader(line)) {
        mapping = {};
        const std::string flags = line.substr(line.find(' ') + 1, 4);
        mapping.writable = flags[1] == 'w' && flags[3] == 'p';
      } else {
        mapping.Add(line);
        if (line.rfind("VmFlags:", 0) == 0) all.Add(mapping);
      }
    }
    return all;
  }

 private:
  struct Mapping {
    void Add(const std::string& line) {
      std::istringstream words(line);
      std::string name;
      uint64_t kilobytes = 0;
      words >> name;
      if (name == "VmFlags:") {
        dumped = (line + " ").find(" dd ") == std::string::npos;
        asked_huge = (line + " ").find(" hg ") != std::string::npos;
        return;
      }
      words >> kilobytes;
      const uint64_t bytes = kilobytes << 10;
      if (name == "Size:") size = bytes;
      if (name == "Rss:") resident = bytes;
      if (name == "Private_Dirty:") dirty = bytes;
      if (name == "Locked:") locked = bytes;
      if (name == "AnonHugePages:") huge = bytes;
    }

    bool writable = false;
    bool dumped = true;
    bool asked_huge = false;
    uint64_t size = 0;
    uint64_t resident = 0;
    uint64_t dirty = 0;
    uint64_t locked = 0;
    uint64_t huge = 0;
  };

  // Whether a line is like "7f00-7f10 rw-p ...", and not like "Size: 4 kB".
  static bool IsHeader(const std::string& line) {
    const size_t space = line.find(' ');
    return space != std::string::npos && line[space - 1] != ':';
  }

  void Add(const Mapping& mapping) {
    mapped += mapping.size;
    resident += mapping.resident;
    locked += mapping.locked;
    dirty += mapping.dirty;
    huge += mapping.huge;
    if (mapping.writable) charged += mapping.size;
    if (mapping.asked_huge) asked_huge += mapping.size;
    // Once any page of a private mapping was written, the system dumps all of
    // it.
    if (mapping.dumped && (mapping.writable || mapping.dirty > 0)) {
      dumped += mapping.size;
      dirty_and_dumped += mapping.dirty;
    }
  }
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_EDGES_MEMORY_MAPS_H_
