// bench backfill | latency | scale | check: `./dev bench …`. What is compared and how to read it: docs/benchmarks.md.
//
// The table of figures goes to stdout, and behind it, on the last line, the JSON; progress goes to stderr. Exits 0
// whatever the figures are: a bar that is not met is shown, not a failure. 1: a way failed, or left a row that is
// wrong; 2: the command line; 128 + the signal that interrupted it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "tests/bench/benches.hpp"
#include "tests/support/interrupt.hpp"
#include "tests/support/temp_dir.hpp"

namespace pgphase::bench {
namespace {

constexpr int k_usage = 2;

struct Outputs {
  std::string json, markdown;  // files; empty: none
};

void write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) throw std::runtime_error("could not write " + path);
}

void show(const Report& report, const Outputs& outputs) {
  const auto json = boost::json::serialize(as_json(report));
  std::printf("%s\n", as_text(report).c_str());
  if (outputs.json.empty()) {
    std::printf("%s\n", json.c_str());
  } else {
    write_file(outputs.json, json + "\n");
  }
  if (!outputs.markdown.empty()) {
    const auto page = std::filesystem::exists(outputs.markdown) ? testing::read_file(outputs.markdown) : std::string();
    write_file(outputs.markdown, with_section(page, "results: " + report.name, as_markdown(report)));
  }
}

void add_common(CLI::App& command, CommonOptions& options, Outputs& outputs) {
  command.add_option("--rounds", options.rounds, "how often each is run; shown are medians")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  command.add_option("--shared-buffers", options.shared_buffers, "of the server")->capture_default_str();
  command.add_option("--max-wal-size", options.max_wal_size, "of the server")->capture_default_str();
  command.add_option("--server", options.settings, "another setting of the server, as NAME=VALUE");
  command.add_option("--commit", options.commit, "what the binary was built from, for the record");
  command.add_option("--json", outputs.json, "write the JSON to this file, not to stdout");
  command.add_option("--markdown", outputs.markdown,
                     "write the results into this page, in place of those of the last run: docs/benchmarks.md");
}

constexpr double k_least = 1000, k_most = 1e10;  // rows

int run(int argc, char** argv) {
  CLI::App app{"Measures build/release/pgphase from outside, on a PostgreSQL server of its own.", "./dev bench"};
  app.require_subcommand(1);
  Outputs outputs;
  Report report;

  BackfillOptions backfill;
  auto* command = app.add_subcommand("backfill", "ways to fill a column, side by side: time, WAL, growth");
  add_common(*command, backfill, outputs);
  command->add_option("--rows", backfill.rows, "of the table")
      ->check(CLI::Range(k_least, k_most))
      ->capture_default_str();
  command->add_option("--ways", backfill.ways, "only these, as JSON names them")->delimiter(',');
  command->callback([&] { report = bench_backfill(backfill); });

  LatencyOptions latency;
  command = app.add_subcommand("latency", "what an application beside a backfill waits");
  add_common(*command, latency, outputs);
  command->add_option("--rows", latency.rows, "of the table")
      ->check(CLI::Range(k_least, k_most))
      ->capture_default_str();
  command->add_option("--ways", latency.ways, "only these, as JSON names them")->delimiter(',');
  command->add_option("--rate", latency.per_second, "transactions a second")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command->add_option("--clients", latency.clients, "connections")->check(CLI::Range(1, 100))->capture_default_str();
  command->add_option("--rest", latency.rest_seconds, "seconds of rest before each way")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  command->add_option("--probe-limit", latency.probe_limit_ms, "milliseconds; 0: twice the probe's p95 at rest")
      ->check(CLI::Range(0, 60'000))
      ->capture_default_str();
  command->add_option("--toml", latency.toml, "another line for pgphase.toml: 'backfill.batch_time = \"10ms\"'");
  command->add_option("--seed", latency.seed, "of the application's choices")->capture_default_str();
  command->callback([&] { report = bench_latency(latency); });

  ScaleOptions scale;
  scale.rounds = 1;
  bool uuid = false;
  command = app.add_subcommand("scale", "rows a second and memory as the table grows");
  add_common(*command, scale, outputs);
  command->add_option("--rows", scale.rows, "sizes of the table")
      ->delimiter(',')
      ->check(CLI::Range(k_least, k_most))
      ->capture_default_str();
  command->add_flag("--uuid", uuid, "with a random uuid as the key, too");
  command->add_option("--workers", scale.workers, "of pgphase")->check(CLI::Range(1, 64))->capture_default_str();
  command->callback([&] {
    if (uuid) scale.keys.push_back(Key::uuid);
    report = bench_scale(scale);
  });

  CommonOptions check;
  command = app.add_subcommand("check", "`pgphase check` beside squawk and pgfence, on files that servers have labelled");
  add_common(*command, check, outputs);
  command->callback([&] { report = bench_check(check); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : k_usage;
  }
  show(report, outputs);
  return 0;
}

}  // namespace
}  // namespace pgphase::bench

int main(int argc, char** argv) {
  pgphase::testing::watch_signals();
  try {
    return pgphase::bench::run(argc, argv);
  } catch (const pgphase::testing::Interrupted& interrupted) {
    std::fprintf(stderr, "\nbench: interrupted; the server is stopped and its folder removed\n");
    return 128 + interrupted.signal;
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "bench: %s\n", error.what());
    return pgphase::bench::k_usage;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "\nbench: %s\n", error.what());
    return 1;
  }
}
