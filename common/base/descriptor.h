#ifndef VECFERRY_COMMON_BASE_DESCRIPTOR_H_
#define VECFERRY_COMMON_BASE_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace vecferry::base {

// Owns a file descriptor, or none. Not thread-safe.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}  // < 0: none, as open() tells an error
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { Close(); }

  bool is_open() const { return number_ >= 0; }
  int number() const { return number_; }
  void Close() {
    if (is_open()) close(std::exchange(number_, -1));
  }

 private:
  int number_ = -1;
};

}  // namespace vecferry::base

#endif  // VECFERRY_COMMON_BASE_DESCRIPTOR_H_
