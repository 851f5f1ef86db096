#include "verifier/embedder.h"

#include <curl/curl.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "verifier/embeddings_json.h"

namespace vecferry::verifier {
namespace {

constexpr absl::Duration kGlance = absl::Milliseconds(100);  // how often a wait looks whether it is to stop
constexpr std::size_t kExcerptBytes = 200;

// Of a URL: what lies before '?' and '#', and the rest.
std::pair<absl::string_view, absl::string_view> SplitQuery(absl::string_view url) {
  const std::size_t end = std::min(url.find_first_of("?#"), url.size());
  return {url.substr(0, end), url.substr(end)};
}

std::string CompleteUrl(absl::string_view url) {
  const auto [base, query] = SplitQuery(url);
  const absl::string_view path = absl::StripSuffix(base, "/");
  return absl::EndsWith(path, "/embeddings") ? std::string(url) : absl::StrCat(path, "/embeddings", query);
}

// Without user, password and query, which may hold secrets.
std::string PrintableUrl(absl::string_view url) {
  const absl::string_view base = SplitQuery(url).first;
  const std::size_t host = base.find("://") + 3;
  const absl::string_view authority = base.substr(host, base.find('/', host) - host);
  const std::size_t at = authority.rfind('@');
  return absl::StrCat(base.substr(0, host), base.substr(at == authority.npos ? host : host + at + 1));
}

// The beginning of an answer, in one printable line.
std::string Excerpt(absl::string_view text) {
  std::string line(text.substr(0, kExcerptBytes));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return !absl::ascii_isprint(static_cast<unsigned char>(c)); }, ' ');
  return line.empty() ? "nothing" : line;
}

}  // namespace

struct Embedder::Answer {
  CURLcode result = CURLE_OK;
  long status = 0;  // NOLINT: libcurl's type
  absl::Duration retry_after;
  std::string body;
  std::size_t bytes_max = 0;
  const std::function<bool()>* stopping = nullptr;
  bool too_long = false;

  bool good() const { return result == CURLE_OK && status == 200; }
  bool worth_another() const {
    if (too_long || result == CURLE_ABORTED_BY_CALLBACK) return false;
    return result != CURLE_OK || status == 429 || status == 500 || (status >= 502 && status <= 504);
  }
  std::string what() const {
    return result != CURLE_OK ? std::string(curl_easy_strerror(result))
                              : absl::StrCat("HTTP status ", status, ", ", Excerpt(body));
  }

  static std::size_t Take(char* bytes, std::size_t size, std::size_t count, void* self) {
    Answer& answer = *static_cast<Answer*>(self);
    answer.too_long = answer.body.size() + size * count > answer.bytes_max;
    if (answer.too_long) return 0;
    answer.body.append(bytes, size * count);
    return size * count;
  }
  static int Look(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return (*static_cast<Answer*>(self)->stopping)() ? 1 : 0;
  }
};

void Embedder::Cleanup::operator()(void* handle) const { curl_easy_cleanup(handle); }

Embedder::Embedder(EmbedderOptions options, std::string url, std::string address, void* handle)
    : options_(std::move(options)), url_(std::move(url)), address_(std::move(address)), handle_(handle) {}

absl::StatusOr<Embedder> Embedder::Create(EmbedderOptions options) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (!absl::StartsWithIgnoreCase(options.url, "http://") && !absl::StartsWithIgnoreCase(options.url, "https://")) {
    return absl::InvalidArgumentError("the embedder's address must begin with http:// or https://");
  }
  if (options.model.empty()) return absl::InvalidArgumentError("the embedder must be told which model to use");
  if (options.texts_per_call_max < 1 || options.attempts_max < 1) {
    return absl::InvalidArgumentError("the embedder needs at least one text a call, and one attempt");
  }
  void* const handle = started == CURLE_OK ? curl_easy_init() : nullptr;
  if (handle == nullptr) return absl::InternalError("libcurl cannot be started");
  const std::string url = CompleteUrl(options.url);
  return Embedder(std::move(options), url, PrintableUrl(url), handle);
}

absl::StatusOr<std::vector<std::vector<float>>> Embedder::Embed(const std::vector<std::string>& texts) {
  std::vector<std::vector<float>> vectors;
  while (vectors.size() < texts.size()) {
    const std::size_t count = std::min(options_.texts_per_call_max, texts.size() - vectors.size());
    const auto part = absl::MakeConstSpan(texts).subspan(vectors.size(), count);
    ASSIGN_OR_RETURN(const std::string answer, Call(EmbeddingsRequest(options_.model, part)));
    absl::StatusOr<std::vector<std::vector<float>>> embedded = ReadEmbeddings(answer, count);
    if (!embedded.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("the embedder at ", address_, " answered ", Excerpt(answer),
                                                     ", but ", embedded.status().message(),
                                                     "; check that it serves embeddings as OpenAI does"));
    }
    std::move(embedded->begin(), embedded->end(), std::back_inserter(vectors));
  }
  return vectors;
}

absl::StatusOr<std::string> Embedder::Call(const std::string& request) {
  absl::Duration wait = options_.wait;
  for (int attempt = 1;; ++attempt) {
    Answer answer = Post(request);
    if (answer.good()) return std::move(answer.body);
    if (answer.result == CURLE_ABORTED_BY_CALLBACK) return absl::CancelledError("embedding was stopped");
    if (answer.too_long) {
      return absl::InvalidArgumentError(absl::StrCat("the embedder at ", address_, " answered with more than ",
                                                     options_.answer_bytes_max, " bytes; check the address"));
    }
    if (!answer.worth_another()) {
      const bool key = answer.status == 401 || answer.status == 403;
      return absl::InvalidArgumentError(
          absl::StrCat("the embedder at ", address_, " refused: ", answer.what(), "; ",
                       key ? absl::StrCat("set ", kEmbedderKeyVariable, " to its key")
                           : absl::StrCat("check its address and the model's name, ", options_.model)));
    }
    if (attempt >= options_.attempts_max) {
      return absl::UnavailableError(absl::StrCat("the embedder at ", address_, " gave no answer in ", attempt,
                                                 " attempts: ", answer.what(), "; start it, or check its address"));
    }
    RETURN_IF_ERROR(Wait(std::min(std::max(wait, answer.retry_after), options_.wait_max)));
    wait = std::min(wait * 2, options_.wait_max);
  }
}

Embedder::Answer Embedder::Post(const std::string& request) {
  CURL* const curl = handle_.get();
  Answer answer;
  answer.bytes_max = options_.answer_bytes_max;
  answer.stopping = &options_.stopping;

  curl_slist* raw = curl_slist_append(nullptr, "Content-Type: application/json");
  raw = curl_slist_append(raw, "Expect:");  // the body is sent without being asked for
  if (!options_.key.empty()) raw = curl_slist_append(raw, absl::StrCat("Authorization: Bearer ", options_.key).c_str());
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(raw, &curl_slist_free_all);

  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_URL, url_.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);  // timeouts without signals, which belong to the program
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(absl::ToInt64Milliseconds(options_.connect_timeout)));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(absl::ToInt64Milliseconds(options_.timeout)));
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.size()));
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.data());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Answer::Take);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &Answer::Look);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &answer);
  answer.result = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
  curl_off_t seconds = 0;
  curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds);
  answer.retry_after = absl::Seconds(seconds);
  return answer;
}

absl::Status Embedder::Wait(absl::Duration wait) const {
  for (absl::Duration left = wait; left > absl::ZeroDuration(); left -= kGlance) {
    if (options_.stopping()) return absl::CancelledError("embedding was stopped");
    absl::SleepFor(std::min(kGlance, left));
  }
  return absl::OkStatus();
}

}  // namespace vecferry::verifier
