#include "tests/bench/stage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <stdexcept>

#include "tests/bench/figures.hpp"

namespace pgphase::bench {
namespace {

// A blocking UPDATE doubles table and indexes (430 bytes a row in all), and leaves as much again of WAL.
constexpr std::uintmax_t k_bytes_a_row = 1200;

void require_room(std::int64_t rows) {
  const auto folder = std::filesystem::temp_directory_path();
  const auto needed = static_cast<std::uintmax_t>(rows) * k_bytes_a_row;
  const auto free = std::filesystem::space(folder).available;
  if (free >= needed) return;
  throw std::runtime_error(fmt::format("{} has {} free, and {} rows need {}; TMPDIR names another folder",
                                       folder.string(), as_megabytes(static_cast<double>(free)), with_commas(rows),
                                       as_megabytes(static_cast<double>(needed))));
}

// A server that has been at work has WAL segments to use again. A new one fills each with zeros first, and whoever commits
// meanwhile waits for that.
void age(const LocalServer& server) {
  Session session(server.url());
  for (int i = 0; i < 64; ++i) {
    session.exec("SELECT pg_logical_emit_message(false, 'age', repeat('x', 32 * 1024 * 1024))", k_look);
  }
  session.exec("CHECKPOINT", limit_for(0));
}

}  // namespace

void tell(const std::string& line) {
  std::fprintf(stderr, "%s\n", line.c_str());
}

LocalServer start_server(const CommonOptions& options, std::int64_t rows) {
  require_room(rows);
  ServerOptions server;
  server.durability = Durability::durable;
  // A checkpoint at a moment of its own choosing would give one way full page images that its neighbour has not.
  server.settings = {
      {"shared_buffers", options.shared_buffers}, {"max_wal_size", options.max_wal_size}, {"checkpoint_timeout", "1h"},
      {"min_wal_size", "4GB"}};
  for (const auto& setting : options.settings) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos) throw std::invalid_argument("--server wants NAME=VALUE, not " + setting);
    server.settings.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
  }
  auto started = LocalServer::start(server);
  if (!started) throw std::runtime_error(started.error().text());
  age(*started);
  return std::move(*started);
}

Machine describe(const LocalServer& server, const CommonOptions& options) {
  Machine out = this_machine();
  out.commit = options.commit;
  out.pgphase = pgphase_version();
  Session session(server.url());
  ask_server(out, session);
  return out;
}

std::vector<std::unique_ptr<Way>> chosen(std::vector<std::unique_ptr<Way>> all, const std::vector<std::string>& ids) {
  if (ids.empty()) return all;
  std::string known;
  for (const auto& way : all) known += (known.empty() ? "" : ", ") + way->id();
  for (const auto& id : ids) {
    if (std::none_of(all.begin(), all.end(), [&id](const auto& way) { return way->id() == id; })) {
      throw std::invalid_argument(fmt::format("there is no way '{}'; there are {}", id, known));
    }
  }
  std::erase_if(all, [&ids](const auto& way) { return std::find(ids.begin(), ids.end(), way->id()) == ids.end(); });
  return all;
}

std::map<std::string, std::string> take_turns(const std::vector<std::unique_ptr<Way>>& ways, int rounds,
                                              const std::function<void(Way& way, int round)>& run) {
  std::map<std::string, std::string> not_built;
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t turn = 0; turn < ways.size(); ++turn) {
      Way& way = *ways[(turn + static_cast<std::size_t>(round)) % ways.size()];
      if (not_built.contains(way.id())) continue;
      tell(fmt::format("round {} of {}: {}", round + 1, rounds, way.title()));
      try {
        run(way, round);
      } catch (const NotBuilt& refused) {
        tell("  not built in this binary");
        not_built[way.id()] = refused.what();
      }
    }
  }
  return not_built;
}

std::string rows_and_rounds(std::int64_t rows, int rounds) {
  return fmt::format("{} rows, {} round{}", with_commas(rows), rounds, rounds == 1 ? "" : "s");
}

boost::json::object as_json(const Sample& sample) {
  boost::json::object out{{"seconds", sample.seconds},
                          {"rows", sample.rows},
                          {"rows_per_second", sample.rows_per_second()},
                          {"wal_bytes", sample.wal_bytes},
                          {"heap_growth_bytes", sample.heap_growth_bytes},
                          {"index_growth_bytes", sample.index_growth_bytes},
                          {"hot_share", nullptr},
                          {"peak_memory_bytes", nullptr}};
  if (sample.hot_share) out["hot_share"] = *sample.hot_share;
  if (sample.peak_memory_bytes) out["peak_memory_bytes"] = *sample.peak_memory_bytes;
  return out;
}

}  // namespace pgphase::bench
