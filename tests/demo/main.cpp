// demo [SEED]: `./dev demo`. A million rows through a plan's three phases, beside an application that reads and writes.
//
// Exits 0 only when every command of the story did what was expected, no statement of the application failed and every
// row is as it was acknowledged; 1 otherwise; 128 + the signal that interrupted it.
#include <chrono>
#include <cstdio>
#include <exception>
#include <random>
#include <string>

#include "phases/postgres/server.hpp"
#include "tests/demo/story.hpp"
#include "tests/demo/terminal.hpp"
#include "tests/support/interrupt.hpp"
#include "tests/support/paths.hpp"

namespace {

using pgphase::demo::print_line;

int play(std::uint64_t seed) {
  const auto begin = std::chrono::steady_clock::now();
  print_line("Starting a PostgreSQL server that ends with the demo.");
  const auto server = pgphase::LocalServer::start();
  if (!server) {
    std::fprintf(stderr, "demo: %s\n", server.error().text().c_str());
    return 1;
  }
  print_line("PostgreSQL " + server->info().version + " and " + pgphase::testing::pgphase_binary().string());
  const auto outcome = pgphase::demo::tell_story(*server, seed);
  const auto took = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begin);
  print_line("  the whole demo                 " + std::to_string(took.count()) + " s");
  return outcome.failed == 0 && outcome.wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  pgphase::testing::watch_signals();
  try {
    return play(argc > 1 ? std::stoull(argv[1]) : std::random_device()());
  } catch (const pgphase::testing::Interrupted& interrupted) {
    std::fprintf(stderr, "\ndemo: interrupted; the server is stopped and its folder removed\n");
    return 128 + interrupted.signal;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "\ndemo: %s\n", error.what());
    return 1;
  }
}
