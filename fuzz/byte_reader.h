// Takes a row of bytes apart.

#ifndef HOLDFAST_FUZZ_BYTE_READER_H_
#define HOLDFAST_FUZZ_BYTE_READER_H_

#include <cstddef>
#include <cstdint>

namespace holdfast::fuzz {

class ByteReader {
 public:
  ByteReader(const uint8_t* data, size_t size)
      : next_(data), end_(data + size) {}

  bool empty() const { return next_ == end_; }

  // Zeros when the bytes have run out.
  uint8_t Byte() { return empty() ? uint8_t{0} : *next_++; }
  uint64_t Word() {
    uint64_t word = 0;
    for (int i = 0; i < 8; ++i) word = word << 8 | Byte();
    return word;
  }

 private:
  const uint8_t* next_;
  const uint8_t* end_;
};

}  // namespace holdfast::fuzz

#endif  // HOLDFAST_FUZZ_BYTE_READER_H_
