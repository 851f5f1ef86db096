#ifndef VECFERRY_VERIFIER_EMBEDDER_H_
#define VECFERRY_VERIFIER_EMBEDDER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace vecferry::verifier {

// Holds the embedder's key, if it wants one: kept out of command lines, which everybody can read.
inline constexpr char kEmbedderKeyVariable[] = "VECFERRY_EMBEDDER_KEY";

struct EmbedderOptions {
  // http or https. As OpenAI's libraries have it, a base such as http://127.0.0.1:11434/v1, to which /embeddings is
  // added; an address whose path ends in /embeddings is taken as it is.
  std::string url;
  std::string model;  // as the embedder calls it
  std::string key;    // sent as a bearer token; "" = none. Never printed
  absl::Duration connect_timeout = absl::Seconds(10);
  absl::Duration timeout = absl::Minutes(2);  // of one call: a processor may take a second for each long text
  // Of calls that get no answer, 429, 500, 502, 503 or 504. The waits double, up to wait_max: 1, 2 and 4 seconds.
  int attempts_max = 4;
  absl::Duration wait = absl::Seconds(1), wait_max = absl::Seconds(30);
  std::size_t texts_per_call_max = 32;                   // servers refuse more than some number
  std::size_t answer_bytes_max = std::size_t{32} << 20;  // 32 vectors of 16,000 numbers take 12 MB
  // Asked while it waits: true gives it up with kCancelled.
  std::function<bool()> stopping = [] { return false; };
};

// A client of an OpenAI-compatible embeddings service: POST {"model", "input": [text ...]}. Redirects are not followed:
// a key stays where it was sent. Movable, not thread-safe. Errors name the address without what may be secret in it.
class Embedder {
 public:
  // kInvalidArgument: no such address, or no model.
  static absl::StatusOr<Embedder> Create(EmbedderOptions options);

  // A vector for each text. kUnavailable: no good answer after all attempts. kInvalidArgument: the service refuses, or
  // answers something else than a vector for each text. kCancelled.
  absl::StatusOr<std::vector<std::vector<float>>> Embed(const std::vector<std::string>& texts);

  const std::string& model() const { return options_.model; }
  const std::string& address() const { return address_; }  // for people

 private:
  struct Answer;
  struct Cleanup {
    void operator()(void* handle) const;
  };
  Embedder(EmbedderOptions options, std::string url, std::string address, void* handle);
  absl::StatusOr<std::string> Call(const std::string& request);
  Answer Post(const std::string& request);
  absl::Status Wait(absl::Duration wait) const;

  EmbedderOptions options_;
  std::string url_, address_;
  std::unique_ptr<void, Cleanup> handle_;  // keeps the connection between calls
};

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_EMBEDDER_H_
