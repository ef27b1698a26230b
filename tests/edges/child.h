// Runs a part of a test in a process of its own, so that it may crash, wait for
// ever, limit itself or end as a program ends, and the test still tells what
// has happened.

#ifndef HOLDFAST_TESTS_EDGES_CHILD_H_
#define HOLDFAST_TESTS_EDGES_CHILD_H_

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

namespace holdfast {

enum class ChildEnd {
  kAtOnce,   // By _exit: no destructor, no exit handler runs.
  kInOrder,  // By exit: they run, and may fail.
};

// What a child says before it ends, if something is wrong: its text is all that
// the caller of InChild sees of it. Later lines follow earlier ones.
class ChildReport {
 public:
  explicit ChildReport(int pipe) : pipe_(pipe) {}

  void Say(const std::string& text) {
    wrong_ = true;
    const std::string line = text + "\n";
    if (write(pipe_, line.data(), line.size()) < 0) _exit(3);
  }

  // Says `text` unless `condition`, and returns `condition`.
  bool Expect(bool condition, const std::string& text) {
    if (!condition) Say(text);
    return condition;
  }

  bool wrong() const { return wrong_; }

 private:
  int pipe_;
  bool wrong_ = false;
};

// How the process with status `status` ended; empty if by exit(0).
inline std::string DescribeEnd(int status) {
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    return std::string("ended by signal: ") + strsignal(number);
  }
  const int code = WEXITSTATUS(status);
  return code == 0 ? "" : "exit status " + std::to_string(code);
}

// Runs work(ChildReport&) in a child and returns what went wrong there: what it
// said, the signal that ended it, its exit status if not 0; empty if nothing. A
// child that is not done after two minutes is ended by SIGALRM. Requires that
// the calling process has one thread.
template <typename F>
std::string InChild(F work, ChildEnd end = ChildEnd::kAtOnce) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  const pid_t pid = fork();
  if (pid < 0) return "no fork";
  if (pid == 0) {
    close(ends[0]);
    alarm(120);
    ChildReport report(ends[1]);
    work(report);
    const int code = report.wrong() ? 1 : 0;
    if (end == ChildEnd::kAtOnce) _exit(code);
    std::exit(code);
  }
  close(ends[1]);
  std::string said;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(ends[0], buffer, sizeof buffer)) > 0;) {
    said.append(buffer, static_cast<size_t>(n));
  }
  close(ends[0]);
  int status = 0;
  if (waitpid(pid, &status, 0) != pid) return said + "no wait";
  return said + DescribeEnd(status);
}

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_EDGES_CHILD_H_
