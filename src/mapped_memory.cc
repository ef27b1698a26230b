#include "holdfast/internal/mapped_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace holdfast::internal {

absl::StatusOr<MappedMemory> MappedMemory::Reserve(size_t bytes) {
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) {
    return absl::ResourceExhaustedError(
        absl::StrCat("mmap: ", std::generic_category().message(errno)));
  }
  return MappedMemory(base, bytes);
}

MappedMemory::MappedMemory(MappedMemory&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)) {}

MappedMemory& MappedMemory::operator=(MappedMemory&& other) noexcept {
  MappedMemory old(std::move(*this));
  base_ = std::exchange(other.base_, nullptr);
  bytes_ = std::exchange(other.bytes_, 0);
  return *this;
}

MappedMemory::~MappedMemory() {
  if (base_ != nullptr) munmap(base_, bytes_);
}

size_t MappedMemory::ResidentBytes() const {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  constexpr size_t kPages = 4096;
  unsigned char in_memory[kPages];
  size_t resident = 0;
  for (size_t at = 0; at < bytes_; at += kPages * page) {
    const size_t length = std::min(bytes_ - at, kPages * page);
    if (mincore(static_cast<char*>(base_) + at, length, in_memory) != 0) {
      return 0;
    }
    const size_t pages = (length + page - 1) / page;
    resident += page * static_cast<size_t>(std::count_if(
                           in_memory, in_memory + pages,
                           [](unsigned char flags) { return flags & 1; }));
  }
  return resident;
}

}  // namespace holdfast::internal
