// MappedMemory for Windows. src/mapped_memory.cc has it for POSIX systems. On
// each system, one of the two files compiles to nothing.

#if defined(_WIN32)

#define WIN32_LEAN_AND_MEAN
#if !defined(NOMINMAX)
#define NOMINMAX
#endif
#define PSAPI_VERSION 2  // So that psapi.h needs no library of its own.
#include <windows.h>
// psapi.h must come after windows.h.
#include <psapi.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <system_error>

#include "holdfast/internal/creation_error.h"
#include "holdfast/internal/mapped_memory.h"
#include "holdfast/reservations.h"

namespace holdfast::internal {
namespace {

CreationError Refused(const char* call, DWORD error) {
  const char* const limit =
      error == ERROR_COMMITMENT_LIMIT
          ? "the limit on committed memory: page files, or that of a job"
          : "limits: address space, committed memory";
  return MakeCreationError(
      CreationError::Code::kResourceExhausted, "%s: error %lu: %s; %s", call,
      error, std::system_category().message(static_cast<int>(error)).c_str(),
      limit);
}

}  // namespace

CreationError MappedMemory::Reserve(size_t bytes, MappedMemory* memory) {
  // Reserved memory can neither be read nor written. MakeWritable commits it
  // step by step, because Windows charges committed memory, even if it can only
  // be read.
  void* const base = VirtualAlloc(nullptr, bytes, MEM_RESERVE, PAGE_READWRITE);
  if (base == nullptr) return Refused("VirtualAlloc", GetLastError());
  *memory = MappedMemory(base, bytes);
  return {};
}

uint64_t MappedMemory::PageBytes() noexcept {
  SYSTEM_INFO info;
  GetSystemInfo(&info);
  return info.dwPageSize;
}

bool MappedMemory::MakeWritable(void* begin, size_t bytes) noexcept {
  const DWORD error = GetLastError();
  // Pages that were committed before keep their contents.
  const bool done =
      VirtualAlloc(begin, bytes, MEM_COMMIT, PAGE_READWRITE) != nullptr;
  SetLastError(error);
  return done;
}

CreationError MappedMemory::Refusal() {
  return Refused("VirtualAlloc", ERROR_COMMITMENT_LIMIT);
}

MappedMemory::~MappedMemory() {
  if (base_ != nullptr) VirtualFree(base_, 0, MEM_RELEASE);
}

size_t MappedMemory::ResidentBytes() const noexcept {
  const size_t page = static_cast<size_t>(PageBytes());
  constexpr size_t kPages = 256;
  PSAPI_WORKING_SET_EX_INFORMATION pages[kPages];
  size_t resident = 0;
  for (size_t at = 0; at < bytes_; at += kPages * page) {
    const size_t length = std::min(bytes_ - at, kPages * page);
    const size_t count = (length + page - 1) / page;
    for (size_t i = 0; i < count; ++i) {
      pages[i].VirtualAddress = static_cast<char*>(base_) + at + i * page;
    }
    if (QueryWorkingSetEx(GetCurrentProcess(), pages,
                          static_cast<DWORD>(count * sizeof(pages[0]))) == 0) {
      return 0;
    }
    resident += page * static_cast<size_t>(std::count_if(
                           pages, pages + count, [](const auto& each) {
                             return each.VirtualAttributes.Valid != 0;
                           }));
  }
  return resident;
}

}  // namespace holdfast::internal

namespace holdfast {

// Nothing is kept here.
size_t ReleaseKeptReservations() noexcept { return 0; }
size_t StopKeepingReservations() noexcept { return 0; }

}  // namespace holdfast

#endif  // defined(_WIN32)
