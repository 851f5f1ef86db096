#ifndef VECFERRY_TESTS_SUPPORT_CHILD_H_
#define VECFERRY_TESTS_SUPPORT_CHILD_H_

#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace vecferry::testing {

// Runs `body` in a process of its own; what waitpid() tells.
class Child {
 public:
  explicit Child(const std::function<int()>& body) : pid_(fork()) {
    if (pid_ == 0) _exit(body());
  }
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    return status;
  }

 private:
  const pid_t pid_;
};

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_CHILD_H_
