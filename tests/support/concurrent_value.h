// Values from which a test can tell whether they are whole, and which pin they
// belong to.

#ifndef HOLDFAST_TESTS_SUPPORT_CONCURRENT_VALUE_H_
#define HOLDFAST_TESTS_SUPPORT_CONCURRENT_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace holdfast {

// A value of kBytes, 4 or a multiple of 8. Each of its words holds the number
// of a pin, a sequence number within the pin, and a checksum of both and of the
// word's position.
template <size_t kBytes>
class Stamped {
  using Word = std::conditional_t<kBytes == 4, uint32_t, uint64_t>;
  static_assert(kBytes % sizeof(Word) == 0);

  static constexpr size_t kWords = kBytes / sizeof(Word);
  static constexpr int kFieldBits = kBytes == 4 ? 12 : 24;
  static constexpr int kCheckBits = kBytes == 4 ? 8 : 16;

 public:
  // Pins and sequence numbers are kept modulo kMask + 1.
  static constexpr uint64_t kMask = (uint64_t{1} << kFieldBits) - 1;

  static Stamped Make(uint64_t pin, uint64_t sequence) {
    Stamped value;
    for (size_t i = 0; i < kWords; ++i) {
      const uint64_t fields = (pin & kMask) << kFieldBits | (sequence & kMask);
      value.words_[i] =
          static_cast<Word>(fields << kCheckBits | Check(fields, i));
    }
    return value;
  }

  // Returns whether Make returned this very value.
  bool IsWhole() const { return *this == Make(pin(), sequence()); }

  uint64_t pin() const {
    return uint64_t{words_[0]} >> (kFieldBits + kCheckBits);
  }
  uint64_t sequence() const { return words_[0] >> kCheckBits & kMask; }

  friend bool operator==(const Stamped& a, const Stamped& b) {
    for (size_t i = 0; i < kWords; ++i) {
      if (a.words_[i] != b.words_[i]) return false;
    }
    return true;
  }

 private:
  static uint64_t Check(uint64_t fields, size_t position) {
    const uint64_t mixed = (fields + position + 1) * 0x9E3779B97F4A7C15u;
    return mixed >> (64 - kCheckBits);
  }

  Word words_[kWords];
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_CONCURRENT_VALUE_H_
