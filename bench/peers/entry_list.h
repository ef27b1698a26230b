// A list of types.

#ifndef HOLDFAST_BENCH_PEERS_ENTRY_LIST_H_
#define HOLDFAST_BENCH_PEERS_ENTRY_LIST_H_

namespace holdfast::bench {

template <typename... Entries>
struct EntryList {
  template <typename... More>
  static EntryList<Entries..., More...> Plus(EntryList<More...>);
};

// Two lists, joined.
template <typename First, typename Second>
using Concat = decltype(First::Plus(Second()));

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_PEERS_ENTRY_LIST_H_
