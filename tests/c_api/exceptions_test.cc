// Goal: no exception of the library leaves the C interface, whatever the system
// refuses. An exception of a callback reaches the caller, and the table is then
// as if the callback had ended the walk.
//
// Method: operator new fails at each call in turn. A limit on address space.
// Callbacks that throw.

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "tests/c_api/check.h"

namespace {

// How many calls of operator new will succeed before all fail. If negative, all
// succeed.
int allocations_left = -1;

void* Allocate(size_t bytes, size_t alignment) {
  if (allocations_left == 0) return nullptr;
  if (allocations_left > 0) --allocations_left;
  const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  return std::aligned_alloc(alignment, rounded);
}

void* AllocateOrThrow(size_t bytes, size_t alignment) {
  if (void* const memory = Allocate(bytes, alignment)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(size_t bytes) { return AllocateOrThrow(bytes, 16); }
void* operator new(size_t bytes, std::align_val_t alignment) {
  return AllocateOrThrow(bytes, static_cast<size_t>(alignment));
}
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  return Allocate(bytes, 16);
}
void* operator new(size_t bytes, std::align_val_t alignment,
                   const std::nothrow_t&) noexcept {
  return Allocate(bytes, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace {

// --- Memory that is refused --------------------------------------------------

struct Made {
  hf_table* table = nullptr;
  hf_bytes_table* bytes = nullptr;
  hf_walk* walk = nullptr;
  hf_bytes_walk* bytes_walk = nullptr;
};

// Creates tables and walks until one is refused, and destroys them. Returns the
// last status.
hf_status CreateAll(char* message, size_t message_bytes) {
  Made made;
  hf_status status =
      hf_table_create(nullptr, &made.table, message, message_bytes);
  if (status == HF_OK) {
    status =
        hf_bytes_table_create(24, nullptr, &made.bytes, message, message_bytes);
  }
  if (status == HF_OK) status = hf_walk_create(made.table, &made.walk);
  if (status == HF_OK) {
    status = hf_bytes_walk_create(made.bytes, &made.bytes_walk);
  }
  if (status != HF_OK) CHECK(made.bytes_walk == nullptr);
  hf_walk_destroy(made.walk);
  hf_bytes_walk_destroy(made.bytes_walk);
  hf_table_destroy(made.table);
  hf_bytes_table_destroy(made.bytes);
  return status;
}

void TestNoMemory() {
  hf_status status = HF_RESOURCE_EXHAUSTED;
  int refused = 0;
  for (int left = 0; status != HF_OK && left < 100; ++left) {
    char message[512] = "";
    allocations_left = left;
    status = CreateAll(message, sizeof(message));
    allocations_left = -1;
    if (status == HF_OK) break;
    CHECK_STATUS(status, HF_RESOURCE_EXHAUSTED);
    ++refused;
  }
  CHECK_OK(status);
  CHECK(refused >= 4);  // Two tables and two walks allocate once at least.
}

// Under sanitizers, which use much address space, it cannot be limited.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

// If a limit refuses memory, the message names the limit. If there is no memory
// for that either, the message says less, but nothing is thrown.
void TestNoAddressSpace() {
  if (kSanitized) {
    printf("skipped under a sanitizer: a limit on address space\n");
    return;
  }
  rlimit before;
  CHECK(getrlimit(RLIMIT_AS, &before) == 0);
  rlimit limited = before;
  limited.rlim_cur = size_t{256} << 20;
  CHECK(setrlimit(RLIMIT_AS, &limited) == 0);
  char message[512] = "";
  const hf_status with_memory = CreateAll(message, sizeof(message));
  char short_message[512] = "";
  allocations_left = 0;
  const hf_status without = CreateAll(short_message, sizeof(short_message));
  allocations_left = -1;
  CHECK(setrlimit(RLIMIT_AS, &before) == 0);
  if (with_memory == HF_OK) {  // As qemu-user does.
    printf("skipped: the limit on address space is ignored here\n");
    return;
  }
  CHECK_STATUS(with_memory, HF_RESOURCE_EXHAUSTED);
  CHECK(strstr(message, "ulimit -v") != nullptr);
  CHECK_STATUS(without, HF_RESOURCE_EXHAUSTED);
  CHECK_TEXT(short_message, "no memory is left");
}

// --- Callbacks that throw ----------------------------------------------------

struct Thrown {};

struct Visits {
  int count = 0;
  int throw_at = 0;  // The visit that throws; 0 for none.
};

int Note(void* context) {
  auto* const visits = static_cast<Visits*>(context);
  if (++visits->count == visits->throw_at) throw Thrown();
  return 0;
}
int Visit(void* context, hf_handle, uint64_t) { return Note(context); }
int VisitBytes(void* context, hf_handle, const void*) { return Note(context); }
int Update(void* context, hf_handle, uint64_t* value) {
  ++*value;
  return Note(context);
}
int UpdateBytes(void* context, hf_handle, void* value) {
  ++*static_cast<unsigned char*>(value);
  return Note(context);
}

constexpr int kValues = 2500;

// Checks that the call throws at visit 1,200. Then makes the call once more, to
// its end, and checks that both together have made `expected` visits.
template <typename Call>
void CheckThrows(int expected, Call call) {
  Visits visits;
  visits.throw_at = 1200;
  bool thrown = false;
  try {
    call(&visits);
  } catch (const Thrown&) {
    thrown = true;
  }
  CHECK(thrown);
  CHECK(visits.count == 1200);
  CHECK_OK(call(&visits));
  CHECK(visits.count == expected);
}

void TestThrows() {
  hf_table* table = nullptr;
  hf_bytes_table* bytes = nullptr;
  CHECK_OK(hf_table_create(nullptr, &table, nullptr, 0));
  CHECK_OK(hf_bytes_table_create(1, nullptr, &bytes, nullptr, 0));
  static hf_handle handles[kValues];
  for (hf_handle& handle : handles) {
    CHECK_OK(hf_bytes_table_pin(bytes, "", &handle));
  }
  for (hf_handle& handle : handles) CHECK_OK(hf_table_pin(table, 0, &handle));

  CheckThrows(1200 + kValues, [&](Visits* visits) {
    return hf_table_for_each(table, Visit, visits);
  });
  CheckThrows(1200 + kValues, [&](Visits* visits) {
    return hf_bytes_table_for_each(bytes, VisitBytes, visits);
  });
  CheckThrows(1200 + kValues, [&](Visits* visits) {
    return hf_table_for_each_exclusive(table, Update, visits);
  });
  CheckThrows(1200 + kValues, [&](Visits* visits) {
    return hf_bytes_table_for_each_exclusive(bytes, UpdateBytes, visits);
  });
  // Values before the one that threw were changed twice, the others once.
  int twice = 0;
  for (const hf_handle handle : handles) {
    uint64_t value = 0;
    CHECK_OK(hf_table_read(table, handle, &value));
    CHECK(value == 1 || value == 2);
    twice += value == 2;
  }
  CHECK(twice == 1199);

  hf_walk* walk = nullptr;
  hf_bytes_walk* bytes_walk = nullptr;
  CHECK_OK(hf_walk_create(table, &walk));
  CHECK_OK(hf_bytes_walk_create(bytes, &bytes_walk));
  CheckThrows(kValues, [&](Visits* visits) {
    return hf_walk_work(walk, Visit, visits);
  });
  CheckThrows(kValues, [&](Visits* visits) {
    return hf_bytes_walk_work(bytes_walk, VisitBytes, visits);
  });
  hf_walk_destroy(walk);
  hf_bytes_walk_destroy(bytes_walk);
  CHECK_EQUAL(hf_table_unpin_all(table), kValues);
  CHECK_EQUAL(hf_bytes_table_unpin_all(bytes), kValues);
  hf_table_destroy(table);
  hf_bytes_table_destroy(bytes);
}

}  // namespace

int main() {
  TestNoMemory();
  TestNoAddressSpace();
  TestThrows();
  return Failed();
}
