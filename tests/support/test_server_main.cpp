// test_server [--pg N] -- COMMAND ARGS…: runs a command with a private PostgreSQL server, and stops it afterwards.
//
// The command finds the server in PGPHASE_TEST_URL (superuser, Unix socket), PGPHASE_TEST_TCP_URL (with a password)
// and PGPHASE_TEST_PG (major version). SIGINT and SIGTERM are passed on to it; its exit code is ours. If we are
// killed, the kernel ends the command and the server; the folder left over is swept by the next start.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "phases/postgres/child_process.hpp"
#include "phases/postgres/server.hpp"

namespace {

constexpr int k_usage = 2;
constexpr int k_no_server = 50;

std::atomic<int> g_signal{0};

void remember(int signal) {
  g_signal = signal;
}

struct Arguments {
  int major = 0;
  std::vector<std::string> command;
};

bool parse(int argc, char** argv, Arguments& out) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  std::size_t at = 0;
  if (at + 1 < args.size() && args[at] == "--pg") {
    out.major = std::atoi(args[at + 1].c_str());
    if (out.major == 0) return false;
    at += 2;
  }
  if (at >= args.size() || args[at] != "--") return false;
  out.command.assign(args.begin() + static_cast<std::ptrdiff_t>(at) + 1, args.end());
  return !out.command.empty();
}

std::vector<std::string> environment_for(const pgphase::LocalServer& server) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!std::string(*entry).starts_with("PGPHASE_TEST_")) out.emplace_back(*entry);
  }
  out.push_back("PGPHASE_TEST_URL=" + server.url());
  out.push_back("PGPHASE_TEST_TCP_URL=" + server.tcp_url());
  out.push_back("PGPHASE_TEST_PG=" + std::to_string(server.info().major));
  return out;
}

// The command through `env`, which searches PATH; in our session, so that the terminal stays its own.
pgphase::Result<int> run(const Arguments& arguments, const pgphase::LocalServer& server) {
  pgphase::ChildOptions options;
  options.argv = {"/usr/bin/env", "--"};
  options.argv.insert(options.argv.end(), arguments.command.begin(), arguments.command.end());
  options.environment = environment_for(server);
  options.in = STDIN_FILENO;
  options.out = STDOUT_FILENO;
  options.err = STDERR_FILENO;
  options.death_signal = SIGTERM;
  options.session = pgphase::ProcessSession::shared;
  const auto pid = pgphase::start_child(options);
  if (!pid) return pid.error();
  while (true) {
    if (const int signal = g_signal.exchange(0); signal != 0) ::kill(*pid, signal);
    const auto status = pgphase::wait_child(*pid, std::chrono::milliseconds(20));
    if (status) return WIFSIGNALED(*status) ? 128 + WTERMSIG(*status) : WEXITSTATUS(*status);
  }
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!parse(argc, argv, arguments)) {
    std::fprintf(stderr, "usage: test_server [--pg N] -- COMMAND ARGS...\n");
    return k_usage;
  }
  std::signal(SIGINT, remember);
  std::signal(SIGTERM, remember);
  pgphase::ServerOptions options;
  options.major = arguments.major;
  const auto server = pgphase::LocalServer::start(options);
  if (!server) {
    std::fprintf(stderr, "test_server: %s\n", server.error().text().c_str());
    return k_no_server;
  }
  const auto code = run(arguments, *server);
  if (!code) {
    std::fprintf(stderr, "test_server: %s\n", code.error().text().c_str());
    return k_no_server;
  }
  return *code;
}
