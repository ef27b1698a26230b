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
  kAtOnce,   // By _exit, which runs no destructors and exit handlers.
  kInOrder,  // By exit, which runs them; they may fail.
};

// A child reports here what is wrong. InChild returns these lines to its
// caller, in the order in which the child has said them.
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

// Says how a process with the exit status `status` has ended; empty for
// exit(0).
inline std::string DescribeEnd(int status) {
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    return std::string("ended by signal: ") + strsignal(number);
  }
  const int code = WEXITSTATUS(status);
  return code == 0 ? "" : "exit status " + std::to_string(code);
}

// Runs work(ChildReport&) in a child process, and returns what went wrong: the
// lines that the child has said, the signal that ended it, and its exit status
// if that is not 0; or an empty string. SIGALRM ends a child that is not done
// after two minutes. Requires that the calling process has one thread.
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
