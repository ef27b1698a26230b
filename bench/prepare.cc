#include "prepare.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <numeric>
#include <random>
#include <vector>

#include "subject.h"
#include "trial.h"

namespace holdfast::bench {

Handles PinAll(Trial& trial, Table& table, size_t n, uint64_t first) {
  Handles handles(n);
  table.InScope([&] {
    trial.Require(table.PinMany(handles.data(), n, first) == n,
                  "the table is full too early");
  });
  return handles;
}

const std::vector<uint32_t>& Permutation(size_t n) {
  static auto* const kept = new std::map<size_t, std::vector<uint32_t>>;
  std::vector<uint32_t>& order = (*kept)[n];
  if (order.size() != n) {
    order.resize(n);
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), std::mt19937_64(1));
  }
  return order;
}

}  // namespace holdfast::bench
