// One range of zeroed address space whose pages come with their first touch:
// the only file that knows mmap, together with src/mapped_memory.cc and its
// sister for Windows. A model checker puts a class of the same shape in
// Traits::Memory.

#ifndef HOLDFAST_INTERNAL_MAPPED_MEMORY_H_
#define HOLDFAST_INTERNAL_MAPPED_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "holdfast/internal/creation_error.h"
#include "holdfast/internal/export.h"
#include "holdfast/internal/reservation_stock.h"

namespace holdfast::internal {

class HOLDFAST_API MappedMemory {
 public:
  // Whether memory has to be made writable before it is written.
  static constexpr bool kGrows = true;

  // Whether all that is reserved can be read. If not, a table looks how far its
  // slots have been used before it looks at the one that a handle names: one
  // load more, of a line that changes as the table grows. Windows charges as
  // memory whatever can be read.
#if defined(_WIN32)
  static constexpr bool kReadsAsZeros = false;
#else
  static constexpr bool kReadsAsZeros = true;
#endif

  // The size of the large pages that the system may use. Tables ask for them
  // only by making such pages writable as a whole.
  static constexpr uint64_t kLargePage = 2'097'152;

  // Reserves `bytes`, at least 1, aligned to a page, for reading if
  // kReadsAsZeros, and has `*memory` own them. Nothing is charged for them but
  // address space. kResourceExhausted, with the limit that refused, if that is
  // refused.
  static CreationError Reserve(size_t bytes, MappedMemory* memory);

  // A reservation that a table of this layout has left: it is zeros, but for
  // how much of it is writable. False if there is none.
  static bool TakeKept(const ReservationLayout& layout,
                       MappedMemory* memory) noexcept;

  // Whether Keep keeps anything.
  static bool IsAnyKept() noexcept;

  // Keeps the reservation for another table, or gives it back to the system.
  // Requires that it is as TakeKept promises.
  static void Keep(const ReservationLayout& layout,
                   MappedMemory memory) noexcept;

  MappedMemory() = default;
  MappedMemory(MappedMemory&& other) noexcept
      : base_(std::exchange(other.base_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)) {}
  MappedMemory& operator=(MappedMemory&& other) noexcept {
    MappedMemory moved(std::move(other));
    std::swap(base_, moved.base_);
    std::swap(bytes_, moved.bytes_);
    return *this;
  }
  ~MappedMemory();

  // Of the system's pages.
  static uint64_t PageBytes() noexcept;

  // Makes whole pages of a reservation writable, which charges them; they may
  // be writable already. False if the system refuses; errno stays as it was.
  static bool MakeWritable(void* begin, size_t bytes) noexcept;

  // kResourceExhausted, with the limit that has probably refused MakeWritable
  // just now.
  static CreationError Refusal();

  // `count` zeroed objects at byte `offset`, which suits their alignment. U is
  // an integer, an atomic integer, or a class made of these alone: all zeros
  // are a valid object, and its lifetime starts with the mapping (P0593).
  template <typename U>
  U* Array(size_t offset, size_t /*count*/) const {
    return reinterpret_cast<U*>(static_cast<char*>(base_) + offset);
  }

  size_t reserved_bytes() const { return bytes_; }

  // Bytes of the pages that are in memory now. Linear in reserved_bytes(), with
  // one byte read for each page. 0 where the system does not tell.
  size_t ResidentBytes() const noexcept;

 private:
  MappedMemory(void* base, size_t bytes) : base_(base), bytes_(bytes) {}

  void* base_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_MAPPED_MEMORY_H_
