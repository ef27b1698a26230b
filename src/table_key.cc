#if defined(_WIN32)
// Makes stdlib.h declare rand_s.
#define _CRT_RAND_S  // NOLINT(bugprone-reserved-identifier)
#endif

#include "holdfast/internal/table_key.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>

#if defined(_WIN32)
#include <process.h>
#else
#include <unistd.h>
#endif
#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>
#endif
#if defined(__linux__)
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/syscall.h>
#endif

namespace holdfast::internal {
namespace {

#if defined(__x86_64__) && defined(__GNUC__)

// The instruction RDRAND. It costs a twentieth of a call of the system, and,
// unlike numbers from a seed, gives copies of a process different numbers.
__attribute__((target("rdrnd"))) bool Rdrand(uint64_t* bits) noexcept {
  for (int tries = 0; tries < 10; ++tries) {
    unsigned long long random;  // NOLINT(google-runtime-int): the type it has.
    if (_rdrand64_step(&random) == 0) continue;
    *bits = random;
    // Some processors give all ones for ever once the machine has slept.
    return ~*bits != 0;
  }
  return false;
}

// Whether the processor has RDRAND, and it works: some give the same number for
// ever.
bool TestRdrand() noexcept {
  unsigned int eax;
  unsigned int ebx;
  unsigned int ecx = 0;
  unsigned int edx;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0) return false;
  if ((ecx & bit_RDRND) == 0) return false;
  uint64_t last = 0;
  for (int i = 0; i < 8; ++i) {
    uint64_t random;
    if (!Rdrand(&random) || random == last) return false;
    last = random;
  }
  return true;
}

bool FromProcessor(uint64_t* bits) noexcept {
  enum : int { kUnknown, kGood, kBad };
  static std::atomic<int> known{kUnknown};
  // order: relaxed, both. Nothing is read through it, and each thread finds the
  // same.
  int quality = known.load(std::memory_order_relaxed);
  if (quality == kUnknown) {
    quality = TestRdrand() ? kGood : kBad;
    known.store(quality, std::memory_order_relaxed);
  }
  return quality == kGood && Rdrand(bits);
}

#else

bool FromProcessor(uint64_t*) noexcept { return false; }

#endif

bool FromSystem(uint64_t* bits) noexcept {
#if defined(__linux__)
  ssize_t got;
  do {
    // Does not wait for entropy early at boot: then the next source is used.
    // Not by the function getrandom(), because a thread may be cancelled in it.
    got = syscall(SYS_getrandom, bits, sizeof(*bits), GRND_NONBLOCK);
  } while (got < 0 && errno == EINTR);
  return got == ssize_t{sizeof(*bits)};
#elif defined(_WIN32)
  unsigned int low;
  unsigned int high;
  if (rand_s(&low) != 0 || rand_s(&high) != 0) return false;
  *bits = uint64_t{high} << 32 | low;
  return true;
#else
  (void)bits;
  return false;
#endif
}

bool FromDevice(uint64_t* bits) noexcept {
#if defined(__cpp_exceptions)
  try {
    std::random_device random;
    *bits = uint64_t{random()} << 32 | random();
    return true;
  } catch (...) {
    return false;
  }
#else
  (void)bits;  // Without exceptions, a failing random_device ends the program.
  return false;
#endif
}

template <typename Clock>
uint64_t Ticks() noexcept {
  return static_cast<uint64_t>(Clock::now().time_since_epoch().count());
}

uint64_t FromWhatIsAtHand() noexcept {
  static std::atomic<uint64_t> calls{0};
  AtHand from = {};
#if defined(__linux__)
  // The kernel gives a process 16 random bytes at exec; a forked process has
  // the same ones. NOLINTNEXTLINE(performance-no-int-to-ptr): from getauxval.
  if (const auto* start = reinterpret_cast<const void*>(getauxval(AT_RANDOM))) {
    std::memcpy(from.exec, start, sizeof(from.exec));
  }
#endif
  from.process = static_cast<uint64_t>(getpid());
  from.nanoseconds = Ticks<std::chrono::system_clock>();
  from.uptime = Ticks<std::chrono::steady_clock>();
  from.address = reinterpret_cast<uintptr_t>(&from);
  // order: relaxed. Only the number counts.
  from.number = calls.fetch_add(1, std::memory_order_relaxed);
  return MixAtHand(from);
}

}  // namespace

KeySources DefaultKeySources() noexcept {
  return {FromProcessor, FromSystem, FromDevice, FromWhatIsAtHand};
}

uint64_t MixAtHand(const AtHand& from) noexcept {
  uint64_t mixed = 0;
  for (const uint64_t word :
       {from.exec[0], from.exec[1], from.process, from.nanoseconds, from.uptime,
        from.address, from.number}) {
    // The output function of SplitMix64 (G. Steele et al., OOPSLA 2014):
    // distinct inputs give distinct outputs.
    mixed = (mixed ^ word) + 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    mixed ^= mixed >> 31;
  }
  return mixed;
}

uint64_t NewTableKey(const KeySources& sources) noexcept {
  uint64_t bits = 0;
  if (!sources.processor(&bits) && !sources.system(&bits) &&
      !sources.device(&bits)) {
    bits = sources.at_hand();
  }
  return bits & ~(uint64_t{1} << 63 | 1);
}

}  // namespace holdfast::internal
