// What the bytes of an input mean: operations on one table, each an opcode and
// its operands. Every row of bytes means something, and the same in each run,
// though the table's key is not.
//
// The kept corpus relies on the numbers of opcodes and kinds of handles: append
// to them only, or make the corpus anew.

#ifndef HOLDFAST_FUZZ_OPERATIONS_H_
#define HOLDFAST_FUZZ_OPERATIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "byte_reader.h"
#include "holdfast/handle_table.h"
#include "tests/support/fake_threads.h"
#include "tests/support/table_model.h"

namespace holdfast::fuzz {

// kPlayed: the table's threads are FakeThreads.
template <typename Table, bool kPlayed>
class Operations {
  using Model = TableModel<Table>;
  using Value = typename Model::Value;
  using HandleType = typename Model::HandleType;

 public:
  Operations(const TableOptions& options, ByteReader bytes)
      : bytes_(bytes), model_(options) {}

  // Returns the first thing that was not as it should be, or an empty string.
  std::string Run() {
    int number = 0;
    if (kPlayed) model_.set_other_threads(kThreads);
    while (!bytes_.empty()) {
      Step();
      if (!model_.problem().empty()) {
        return absl::StrCat("operation ", number, ": ", model_.problem());
      }
      ++number;
    }
    AtTheEnd();
    return model_.problem().empty()
               ? ""
               : absl::StrCat("at the end: ", model_.problem());
  }

 private:
  // Threads that may own ordinals: some with a shard, some without, and more
  // than there are ordinals.
  static constexpr uint32_t kThreads = 6;

  void Step() {
    const uint8_t byte = Byte();
    if (byte >= 240) return CompareValues(byte);
    const uint8_t opcode = byte % 32;
    if (opcode < 24) return UseHandle(opcode);
    switch (opcode) {
      case 24:
        return model_.ForEach();
      case 25: {
        uint8_t pattern = Byte();
        return model_.ForEachUnpin([&pattern] {
          pattern = static_cast<uint8_t>(pattern << 7 | pattern >> 1);
          return pattern % 2 != 0;
        });
      }
      case 26:
        return model_.ParallelForEach(Byte() % 4 + 1);
      case 27:
        return model_.ForEachExclusive([this] { return AnyValue(); });
      case 28:
        return model_.UnpinAll();
      case 29:
        return model_.CheckAll();
      case 30:
        return Byte() % 2 == 0 ? model_.MoveConstruct() : model_.MoveAssign();
      default:
        return ChangeThread();
    }
  }

  void UseHandle(uint8_t opcode) {
    switch (opcode) {
      case 0:
      case 1:
      case 2:
      case 3:
        return model_.Pin(AnyValue());
      case 4:
        return Repeat([this] { model_.Pin(AnyValue()); });
      case 5:
      case 6:
      case 7:
        return model_.Unpin(AnyHandle());
      case 8:
        return Repeat([this] {
          if (!model_.live().empty()) model_.Unpin(model_.live().back());
        });
      case 9:
      case 10:
        return model_.Take(AnyHandle());
      case 11:
      case 12:
      case 13:
        return model_.Read(AnyHandle());
      case 14:
      case 15:
        return model_.Contains(AnyHandle());
      case 16:
      case 17:
        return model_.Write(AnyHandle(), AnyValue());
      case 18:
      case 19:
        return model_.Exchange(AnyHandle(), AnyValue());
      case 20: {
        const HandleType handle = AnyHandle();
        model_.Exchange(handle, AnyValue());
        // Nothing shows it, so inputs from before it mean what they did.
        return model_.Displace(handle);
      }
      case 21:
      case 22:
        return model_.Diagnose(AnyHandle());
      default:
        return Repeat([this] {  // Wears slots out.
          model_.Pin(AnyValue());
          if (!model_.live().empty()) model_.Take(model_.live().back());
        });
    }
  }

  void CompareValues(uint8_t byte) {
    if (byte % 8 == 3) {
      uint8_t pattern = Byte();
      return model_.UnpinWhere([&pattern] {
        pattern = static_cast<uint8_t>(pattern << 7 | pattern >> 1);
        return pattern % 2 != 0;
      });
    }
    const HandleType handle = AnyHandle();
    const bool other = byte % 2 != 0;
    switch (byte / 2 % 4) {
      case 0:
      case 1:
        return model_.CompareExchange(handle, other, AnyValue(), AnyValue());
      case 2:
        return model_.Update(handle, AnyValue());
      default:
        return model_.UnpinIf(handle, other, AnyValue());
    }
  }

  template <typename F>
  void Repeat(F action) {
    const int times = Byte() + 1;
    for (int i = 0; i < times && model_.problem().empty(); ++i) action();
  }

  // Live, unpinned before, of another table, one of these with a bit changed,
  // null, or anything.
  HandleType AnyHandle() {
    const uint8_t kind = Byte() % 16;
    switch (kind) {
      default:
        return OneOf(model_.live());
      case 6:
      case 7:
      case 8:
        return OneOf(model_.ended());
      case 9:
        return HandleType();
      case 10:
        return WithKey(bytes_.Word());
      case 11:
      case 12: {
        const uint32_t index = Byte();
        return model_.Access().HandleAt(index, Byte() & Model::kGenerationMask);
      }
      case 13:
        return WithBitChanged(OneOf(model_.live()));
      case 14:
        return WithBitChanged(OneOf(model_.ended()));
      case 15:
        return model_.Foreign(Byte());
    }
  }

  // The latest has number 0.
  HandleType OneOf(const std::vector<HandleType>& handles) {
    const size_t number = Byte();
    if (handles.empty()) return HandleType();
    return handles[handles.size() - 1 - number % handles.size()];
  }

  // The same place in each run, whatever the key.
  HandleType WithKey(uint64_t place) {
    return HandleType::FromBits(place ^ model_.Access().key());
  }

  HandleType WithBitChanged(HandleType handle) {
    return HandleType::FromBits(handle.bits() ^ uint64_t{1} << Byte() % 64);
  }

  // Unlike the values before it, so that each has a value of its own.
  Value AnyValue() { return Value(++values_ * 0x0101'0101'0101'0101u); }

  uint8_t Byte() { return bytes_.Byte(); }

  // --- Threads ---------------------------------------------------------------

  void ChangeThread() {
    const uint8_t change = Byte();
    const uint32_t thread = change / 8 % kThreads;
    if (!kPlayed) return model_.CheckStats();
    switch (change % 8) {
      case 0:
        return FakeThreads::BecomeNew();
      case 1:
        return FakeThreads::BecomeExiting();
      case 2:
      case 3:
        return Exit(thread);
      default:
        return FakeThreads::Become(thread);
    }
  }

  static void Exit(uint32_t thread) {
    if (!FakeThreads::IsOwned(thread)) return;
    FakeThreads::Exit(thread);
    if (FakeThreads::Current() == thread) FakeThreads::BecomeNew();
  }

  // All other threads exit, and one finds every slot that is left.
  void AtTheEnd() {
    if (kPlayed) {
      for (uint32_t i = 0; i < FakeThreads::Limit(); ++i) Exit(i);
      FakeThreads::BecomeNew();
    }
    for (uint64_t i = 0; i <= model_.capacity() && i <= 128; ++i) {
      model_.Pin(AnyValue());
      if (!model_.problem().empty()) return;
    }
    model_.CheckAll();
  }

  ByteReader bytes_;
  Model model_;
  uint64_t values_ = 0;
};

}  // namespace holdfast::fuzz

#endif  // HOLDFAST_FUZZ_OPERATIONS_H_
