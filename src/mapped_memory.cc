// MappedMemory for POSIX systems. src/mapped_memory_windows.cc has it for
// Windows. On each system, one of the two files compiles to nothing.

#if !defined(_WIN32)

#include "holdfast/internal/mapped_memory.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>

#include "absl/base/attributes.h"
#include "holdfast/internal/creation_error.h"
#include "holdfast/internal/reservation_stock.h"
#include "holdfast/internal/thread_token.h"
#include "holdfast/reservations.h"
#include "holdfast/traits.h"

// Functions of LeakSanitizer, and one that all sanitizers of memory and of
// threads have. They are null if no sanitizer is linked in.
// NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {
ABSL_ATTRIBUTE_WEAK void __lsan_register_root_region(const void* begin,
                                                     size_t size);
ABSL_ATTRIBUTE_WEAK void __lsan_unregister_root_region(const void* begin,
                                                       size_t size);
ABSL_ATTRIBUTE_WEAK void __sanitizer_set_death_callback(void (*callback)());
}
// NOLINTEND(bugprone-reserved-identifier)

namespace holdfast {
namespace internal {
namespace {

// Returns the number in /proc/`file` that follows `skipped` other numbers, or 0
// if there is none.
uint64_t ReadProc(const char* file, int skipped) {
  std::ifstream in(std::string("/proc/") + file);
  uint64_t number = 0;
  for (int i = 0; i <= skipped; ++i) in >> number;
  return in ? number : 0;
}

uint64_t CountMappings() {
  std::ifstream in("/proc/self/maps");
  return static_cast<uint64_t>(std::count(std::istreambuf_iterator<char>(in),
                                          std::istreambuf_iterator<char>(),
                                          '\n'));
}

// Returns whether `used_pages` pages and `more` bytes together exceed the
// process's limit on `resource`.
bool IsBeyond(int resource, uint64_t used_pages, uint64_t more) {
  rlimit limit;
  return getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
         used_pages * MappedMemory::PageBytes() + more > limit.rlim_cur;
}

// Returns which of the system's limits has probably refused `more` bytes.
const char* GuessLimit(uint64_t more, int error) {
  if (error == EAGAIN) {
    return "the limit on locked memory: ulimit -l (mlockall is in force)";
  }
  if (IsBeyond(RLIMIT_AS, ReadProc("self/statm", 0), more)) {
    return "the limit on address space: ulimit -v";
  }
  if (IsBeyond(RLIMIT_DATA, ReadProc("self/statm", 5), more)) {
    return "the limit on data: ulimit -d";
  }
  const uint64_t most_mappings = ReadProc("sys/vm/max_map_count", 0);
  if (most_mappings != 0 && CountMappings() + 2 > most_mappings) {
    return "the limit on mappings: vm.max_map_count";
  }
  if (ReadProc("sys/vm/overcommit_memory", 0) == 2) {
    return "the limit on committed memory: vm.overcommit_memory is 2";
  }
  return "limits: ulimit -v, -d and -l, vm.overcommit_memory, "
         "vm.max_map_count";
}

CreationError Refused(const char* call, uint64_t bytes, int error) {
  return MakeCreationError(
      CreationError::Code::kResourceExhausted, "%s: %s; %s", call,
      std::generic_category().message(error).c_str(), GuessLimit(bytes, error));
}

// The stock of this copy of the library. It and the functions that change it
// are in a namespace without a name, so that the linker cannot mix them up with
// another copy's.
ABSL_CONST_INIT ReservationStock<StdAtomics, 256> stock;

// Whether anything may be put into the stock.
ABSL_CONST_INIT std::atomic<bool> keeps{true};

// Kept reservations take address space that others cannot use. False where
// address space is scarce: in a process of 32 bits, and under a limit (ulimit
// -v), for which the system is asked once.
bool HasAddressSpace() noexcept {
  if constexpr (sizeof(void*) < 8) return false;
  enum Answer : int { kUnknown, kYes, kNo };
  ABSL_CONST_INIT static std::atomic<int> answer{kUnknown};
  // order: relaxed, both. The number is all that passes between threads.
  int known = answer.load(std::memory_order_relaxed);
  if (known == kUnknown) {
    rlimit limit = {};
    const bool is_limited =
        getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    known = is_limited ? kNo : kYes;
    answer.store(known, std::memory_order_relaxed);
  }
  return known == kYes;
}

// Where the calling thread looks into the stock first. Tokens end in the
// thread's number.
uint64_t StartInStock() noexcept { return LoadThreadToken(); }

size_t ReleaseAll() noexcept {
  size_t bytes = 0;
  stock.TakeAll([&](const Reservation& kept) {
    bytes += static_cast<size_t>(kept.layout.bytes);
    munmap(kept.base, static_cast<size_t>(kept.layout.bytes));
  });
  return bytes;
}

size_t StopKeeping() noexcept {
  // order: relaxed. As in IsAnyKept.
  keeps.store(false, std::memory_order_relaxed);
  return ReleaseAll();
}

// Kept reservations must not be left behind when this copy of the library is
// unloaded. Tables that are destroyed later give their memory back themselves.
__attribute__((destructor)) void StopAtTheEnd() noexcept { StopKeeping(); }

// Calls `get`, and once more if it fails, after the stock has given everything
// back. (Even if the stock is empty: another thread may have emptied it since.)
// Returns the last result.
template <typename Get>
bool GetFromSystem(Get get) {
  if (get()) return true;
  ReleaseAll();
  return get();
}

}  // namespace

bool MappedMemory::TakeKept(const ReservationLayout& layout,
                            MappedMemory* memory) noexcept {
  const Reservation taken = stock.Take(layout, StartInStock());
  if (taken.base == nullptr) return false;
  *memory = MappedMemory(taken.base, static_cast<size_t>(layout.bytes));
  return true;
}

bool MappedMemory::IsAnyKept() noexcept {
  // A sanitizer is to find a use of the memory after the table's end. Nor does
  // the stock tell LeakSanitizer that the memory is no longer to be searched.
  // order: relaxed. A wish, which other threads may notice late.
  return __sanitizer_set_death_callback == nullptr && HasAddressSpace() &&
         keeps.load(std::memory_order_relaxed);
}

void MappedMemory::Keep(const ReservationLayout& layout,
                        MappedMemory memory) noexcept {
  const Reservation gone =
      stock.Put({layout, std::exchange(memory.base_, nullptr)}, StartInStock());
  memory.base_ = gone.base;
  memory.bytes_ = static_cast<size_t>(gone.layout.bytes);
  if (!IsAnyKept()) ReleaseAll();  // Another thread has just asked for that.
}

CreationError MappedMemory::Reserve(size_t bytes, MappedMemory* memory) {
  // The memory can be read, so a thread with any handle finds zeros where no
  // slot was used. It cannot be written yet: so the system charges nothing for
  // it, mlockall locks nothing (all of it is the one page of zeros), and core
  // dumps leave it out.
  void* base = nullptr;
  if (!GetFromSystem([&] {
        base = mmap(nullptr, bytes, PROT_READ,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        return base != MAP_FAILED;
      })) {
    return Refused("mmap", bytes, errno);
  }
  // LeakSanitizer must look for pointers here: a value may be the only pointer
  // to an object.
  if (__lsan_register_root_region != nullptr) {
    __lsan_register_root_region(base, bytes);
  }
  *memory = MappedMemory(base, bytes);
  return {};
}

uint64_t MappedMemory::PageBytes() noexcept {
  // Not initialized by a call: for that, threads would wait for each other.
  ABSL_CONST_INIT static std::atomic<uint64_t> page{0};
  // order: relaxed, both. The number is all that passes between threads.
  uint64_t bytes = page.load(std::memory_order_relaxed);
  if (bytes == 0) {
    bytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    page.store(bytes, std::memory_order_relaxed);
  }
  return bytes;
}

bool MappedMemory::MakeWritable(void* begin, size_t bytes) noexcept {
  const int error = errno;
  const bool done = GetFromSystem(
      [&] { return mprotect(begin, bytes, PROT_READ | PROT_WRITE) == 0; });
  // Growth is then fewer page faults. The system may refuse: that is no error.
  if (done && bytes >= kLargePage &&
      reinterpret_cast<uintptr_t>(begin) % kLargePage == 0) {
    madvise(begin, bytes, MADV_HUGEPAGE);
  }
  errno = error;
  return done;
}

CreationError MappedMemory::Refusal() {
  // A part of a table grows by 16 KiB at least (GrowingPart).
  return Refused("mprotect", 16'384, ENOMEM);
}

MappedMemory::~MappedMemory() {
  if (base_ == nullptr) return;
  if (__lsan_unregister_root_region != nullptr) {
    __lsan_unregister_root_region(base_, bytes_);
  }
  munmap(base_, bytes_);
}

size_t MappedMemory::ResidentBytes() const noexcept {
  const size_t page = static_cast<size_t>(PageBytes());
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

}  // namespace internal

size_t ReleaseKeptReservations() noexcept { return internal::ReleaseAll(); }

size_t StopKeepingReservations() noexcept { return internal::StopKeeping(); }

}  // namespace holdfast

#endif  // !defined(_WIN32)
