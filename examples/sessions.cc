// A server's connections, as a program: sessions are objects in an ObjectTable,
// and are named by the numbers that packets carry.
//
// Two workers handle packets, each for a session that may have been closed
// meanwhile. One thread accepts and closes sessions; one broadcasts to all. A
// session that is closed while a worker uses it is destroyed when the worker
// has finished, and later packets for it find nothing, whoever has its slot by
// then.
//
// Prints what was done. Exits with 1 if something is lost.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "holdfast/object_table.h"

namespace {

// Counts over all sessions, for the checks at the end.
struct Totals {
  std::atomic<int> opened{0};
  std::atomic<int> closed{0};
  std::atomic<int> handled{0};
  std::atomic<int> logged{0};
  std::atomic<int> late{0};
};

class Session {
 public:
  Session(Totals& totals, std::string peer)
      : totals_(totals), peer_(std::move(peer)) {
    ++totals_.opened;
  }
  // Runs once, when nobody uses the session any more: so it needs no lock.
  ~Session() {
    totals_.logged += static_cast<int>(log_.size());
    ++totals_.closed;
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The table keeps the session alive. What several workers do with it at the
  // same time is the session's own business.
  void Handle(std::string packet) {
    const std::lock_guard<std::mutex> lock(mutex_);
    log_.push_back(peer_ + ": " + std::move(packet));
  }

 private:
  Totals& totals_;
  const std::string peer_;
  std::mutex mutex_;
  std::vector<std::string> log_;
};

using Sessions = holdfast::ObjectTable<Session>;
using SessionHandle = holdfast::Handle<Session>;

// The numbers that clients know: each is a session's, or was one's.
class Clients {
 public:
  explicit Clients(size_t count) : numbers_(count) {}

  void Set(size_t client, SessionHandle session) {
    numbers_[client].store(session.bits(), std::memory_order_relaxed);
  }
  SessionHandle Of(size_t client) const {
    return SessionHandle::FromBits(
        numbers_[client].load(std::memory_order_relaxed));
  }
  size_t count() const { return numbers_.size(); }

 private:
  std::vector<std::atomic<uint64_t>> numbers_;
};

constexpr int kPackets = 20'000;
constexpr int kReconnects = 2'000;
constexpr int kBroadcasts = 50;

void Work(Sessions& sessions, const Clients& clients, Totals& totals,
          unsigned seed) {
  std::mt19937 random(seed);
  for (int i = 0; i < kPackets; ++i) {
    const SessionHandle number = clients.Of(random() % clients.count());
    if (auto session = sessions.Borrow(number)) {
      session->Handle("packet");
      ++totals.handled;
    } else {
      ++totals.late;  // Closed, and the client does not know it yet.
    }
  }
}

void AcceptAndClose(Sessions& sessions, Clients& clients, Totals& totals) {
  std::mt19937 random(7);
  for (int i = 0; i < kReconnects; ++i) {
    const size_t client = random() % clients.count();
    sessions.Erase(clients.Of(client));
    std::this_thread::yield();  // Packets come meanwhile.
    clients.Set(client, sessions.Emplace(totals, "client"));
  }
}

void Broadcast(Sessions& sessions, Totals& totals) {
  for (int i = 0; i < kBroadcasts; ++i) {
    sessions.ForEach([&](SessionHandle, Session& session) {
      session.Handle("news");
      ++totals.handled;
    });
  }
}

bool Serve() {
  Totals totals;
  {
    auto created = Sessions::Create({/*max_slots=*/1'000});
    if (!created.ok()) {
      std::cerr << created.status() << '\n';
      return false;
    }
    Sessions sessions = *std::move(created);
    Clients clients(100);
    for (size_t i = 0; i < clients.count(); ++i) {
      clients.Set(i, sessions.Emplace(totals, "client"));
    }
    std::vector<std::thread> threads;
    for (unsigned seed : {1u, 2u}) {
      threads.emplace_back(
          [&, seed] { Work(sessions, clients, totals, seed); });
    }
    threads.emplace_back([&] { AcceptAndClose(sessions, clients, totals); });
    threads.emplace_back([&] { Broadcast(sessions, totals); });
    for (std::thread& thread : threads) thread.join();
    const auto stats = sessions.GetStats();
    std::cout << stats.live << " sessions are open, and " << stats.waiting
              << " closed ones are not destroyed yet\n";
  }  // The table destroys all that are left.
  std::cout << totals.opened << " sessions were opened, " << totals.closed
            << " destroyed; " << totals.handled << " packets were handled, "
            << totals.late << " came too late\n";
  return totals.opened == totals.closed && totals.handled == totals.logged &&
         totals.opened == 100 + kReconnects;
}

}  // namespace

int main() { return Serve() ? 0 : 1; }
