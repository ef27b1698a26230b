#include "peers.h"

#include <vector>

#include "absl/strings/string_view.h"
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

// Besides those of peers.h: sharded-slab's guards and the read side of liburcu
// keep values alive anyway.
const std::vector<Subject>& ObjectSubjects() {
  static const auto* const all = [] {
    auto* const objects = new std::vector<Subject>(SubjectsIn(ObjectPeers()));
    for (const Subject& peer : Subjects()) {
      const absl::string_view id = peer.id;
      if (peer.bytes == 8 && (id == "sharded_slab" || id == "urcu")) {
        objects->push_back(peer);
      }
    }
    return objects;
  }();
  return *all;
}

}  // namespace holdfast::bench
