#ifndef VECFERRY_TESTS_SUPPORT_FAKE_EMBEDDER_H_
#define VECFERRY_TESTS_SUPPORT_FAKE_EMBEDDER_H_

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace vecferry::testing {

// tests/support/fake_embedder.py, from here to the end of this object or of the test. Ends the test program when it
// cannot be started.
class FakeEmbedder {
 public:
  explicit FakeEmbedder(int dimension = 64) {
    int input[2], output[2];
    if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0) std::abort();
    pid_ = fork();
    if (pid_ == 0) {
      dup2(input[0], STDIN_FILENO);
      dup2(output[1], STDOUT_FILENO);
      execlp("python3", "python3", VECFERRY_FAKE_EMBEDDER, std::to_string(dimension).c_str(), nullptr);
      _exit(127);
    }
    close(input[0]);
    close(output[1]);
    keep_alive_ = input[1];
    for (char letter; read(output[0], &letter, 1) == 1 && letter != '\n';) address_ += letter;
    close(output[0]);
    if (address_.empty()) std::abort();
  }
  ~FakeEmbedder() { Stop(); }
  FakeEmbedder(const FakeEmbedder&) = delete;
  FakeEmbedder& operator=(const FakeEmbedder&) = delete;

  // Nothing listens at the address any more.
  void Stop() {
    if (keep_alive_ < 0) return;
    close(keep_alive_);
    keep_alive_ = -1;
    waitpid(pid_, nullptr, 0);
  }

  // "http://127.0.0.1:PORT"; behaviours are folders below it.
  const std::string& address() const { return address_; }

 private:
  pid_t pid_ = -1;
  int keep_alive_ = -1;
  std::string address_;
};

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_FAKE_EMBEDDER_H_
