#include "tests/support/server.hpp"

#include <cstdlib>
#include <optional>
#include <stdexcept>

#include "phases/postgres/server.hpp"

namespace pgphase::testing {
namespace {

struct Address {
  std::string url, tcp_url;
  int major = 0;
};

std::optional<Address> from_environment() {
  const char* url = std::getenv("PGPHASE_TEST_URL");
  const char* tcp_url = std::getenv("PGPHASE_TEST_TCP_URL");
  const char* major = std::getenv("PGPHASE_TEST_PG");
  if (url == nullptr || tcp_url == nullptr || major == nullptr) return std::nullopt;
  return Address{url, tcp_url, std::atoi(major)};
}

const Address& address() {
  static std::optional<LocalServer> own;
  static const Address out = [] {
    if (auto given = from_environment()) return *given;
    auto started = LocalServer::start();
    if (!started) throw std::runtime_error(started.error().text());
    own.emplace(std::move(*started));
    return Address{own->url(), own->tcp_url(), own->info().major};
  }();
  return out;
}

}  // namespace

std::string test_server_url() {
  return address().url;
}
std::string test_server_tcp_url() {
  return address().tcp_url;
}
int test_server_major() {
  return address().major;
}

std::string with_database(const std::string& url, const std::string& database) {
  const auto host = url.find("://");
  const auto slash = host == std::string::npos ? host : url.find('/', host + 3);
  if (slash == std::string::npos) throw std::invalid_argument("not a URI with a database: " + url);
  const auto end = std::min(url.find('?', slash), url.size());
  return url.substr(0, slash + 1) + database + url.substr(end);
}

}  // namespace pgphase::testing
