#include "peers.h"

#include <vector>

#include "subject.h"

namespace holdfast::bench {
namespace {

template <typename... Entries>
std::vector<Subject> SubjectsIn(EntryList<Entries...>) {
  std::vector<Subject> all;
  for (const std::vector<Subject>& of_one : {Entries::Subjects()...}) {
    all.insert(all.end(), of_one.begin(), of_one.end());
  }
  return all;
}

}  // namespace

const std::vector<Subject>& Subjects() {
  static const auto* const all = new std::vector<Subject>(SubjectsIn(Peers()));
  return *all;
}

}  // namespace holdfast::bench
