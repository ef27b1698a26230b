// The values that the benchmarks keep in tables: each repeats one number.

#ifndef HOLDFAST_BENCH_VALUE_H_
#define HOLDFAST_BENCH_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace holdfast::bench {

template <size_t kBytes>
struct Payload {
  static_assert(kBytes == 4 || kBytes % 8 == 0);
  using Word = std::conditional_t<kBytes == 4, uint32_t, uint64_t>;
  static constexpr size_t kWords = kBytes / sizeof(Word);

  // Four bytes keep the lower 32 bits of `number`.
  static Payload Of(uint64_t number) {
    Payload payload;
    for (Word& word : payload.words) word = static_cast<Word>(number);
    return payload;
  }

  // Reads every word, so that the compiler cannot leave out parts of a copy,
  // and so that a torn value gives a wrong sum.
  uint64_t number() const {
    Word all = 0;
    for (const Word word : words) all |= word;
    return all;
  }

  Word words[kWords];
};

static_assert(sizeof(Payload<4>) == 4 && sizeof(Payload<64>) == 64);
static_assert(std::is_trivially_copyable_v<Payload<16>>);

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_VALUE_H_
