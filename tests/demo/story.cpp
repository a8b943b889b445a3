#include "tests/demo/story.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "tests/demo/application.hpp"
#include "tests/demo/terminal.hpp"
#include "tests/support/database.hpp"
#include "tests/support/interrupt.hpp"
#include "tests/support/paths.hpp"

namespace pgphase::demo {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::check_interrupted;
using testing::nap;

constexpr int k_workers = 4;
constexpr double k_pause_at = 0.35;  // share of the backfill
constexpr int k_at_gate = 10, k_paused = 11;
constexpr auto k_while = seconds(2);  // for the reader, and for the application to meet a state

void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error("it should have been so, but was not: " + what);
}

// As a user has it. Within the server's folder, so that whatever removes that one removes this one.
fs::path make_project(const LocalServer& server, const std::string& url) {
  const fs::path folder = fs::path(server.info().folder) / "project";
  fs::create_directories(folder / "migrations");
  for (const char* plan : {"001_initial.toml", "002_task_priority.toml"}) {
    fs::copy_file(testing::source_folder() / "migrations" / plan, folder / "migrations" / plan);
  }
  std::ofstream settings(folder / "pgphase.toml");
  settings << "database = \"" << url << "\"\n";
  settings.close();
  if (!settings) throw std::runtime_error("could not write " + (folder / "pgphase.toml").string());
  return folder;
}

class Story {
 public:
  Story(const LocalServer& server, const std::string& url, std::uint64_t seed)
      : url_(url), seed_(seed), folder_(make_project(server, url)), application_(url, k_workers, seed) {}

  Outcome tell() {
    a_million_tasks();
    an_application();
    additive();
    backfill_with_a_pause();
    new_version();
    constraint();
    second_thoughts();
    forward_again();
    return reckoning();
  }

 private:
  void a_million_tasks() {
    print_heading("1. A table with a million tasks");
    terminal_.type("up 001_initial");
    print_line();
    run_sql(load_sql());
    run_sql("VACUUM ANALYZE tasks");
    print_line("1,000,000 tasks are loaded, every fourth of them completed.");
  }

  void an_application() {
    print_heading("2. An application that never rests");
    print_line(fmt::format("{} workers read, insert, change and delete tasks, one statement after the other, retrying",
                           k_workers));
    print_line(fmt::format("nothing and remembering every acknowledged write (random seed {}).", seed_));
    application_.begin_chapter("nobody migrates");
    nap(k_while);
    end_chapter();
  }

  void additive() {
    print_heading("3. Additive: the column appears");
    application_.begin_chapter("additive");
    application_.enter(Epoch::column_appears);
    terminal_.type("up 002_task_priority --through additive");
    application_.enter(Epoch::filling);
    end_chapter();
  }

  void backfill_with_a_pause() {
    print_heading("4. Backfill: a million rows, and a pause in the middle");
    application_.begin_chapter("backfill, first part");
    const Terminal first(folder_, "[terminal 1]"), second(folder_, "[terminal 2]");
    auto up = first.start("up 002_task_priority");
    while (up->running() && filled_share() < k_pause_at) {
      up->show_news();
      nap(milliseconds(200));
    }
    second.type("pause 002_task_priority --reason 'the replica is behind'");
    print_line("[terminal 1] goes on:");
    up->expect(k_paused);
    end_chapter();

    print_line();
    application_.begin_chapter("backfill, paused");
    second.type("status");
    const double share = filled_share();
    nap(k_while);
    require(filled_share() == share, "a paused backfill stands still");
    second.type("resume 002_task_priority");
    end_chapter();

    print_line();
    application_.begin_chapter("backfill, second part");
    first.type("up 002_task_priority", k_at_gate);
    application_.enter(Epoch::filled);
    end_chapter();
  }

  void new_version() {
    print_heading("5. At the gate: the new version is deployed");
    application_.begin_chapter("deployment of the new version");
    for (int worker = 0; worker < k_workers; ++worker) {
      application_.deploy(worker, Version::new_one);
      print_line(fmt::format("worker {} now reads and writes priority; {} still run the old version", worker + 1,
                             k_workers - 1 - worker));
      nap(milliseconds(600));
    }
    print_line();
    terminal_.type("approve 002_task_priority --phase constraint");
    end_chapter();
  }

  void constraint() {
    print_heading("6. Constraint: every task must have a priority");
    application_.begin_chapter("constraint");
    terminal_.type("up 002_task_priority");
    require(priority_is_required(), "after the constraint phase the column is NOT NULL");
    nap(k_while);
    end_chapter();
  }

  void second_thoughts() {
    print_heading("7. Second thoughts: that one phase is rolled back, and half of the application with it");
    application_.begin_chapter("constraint, rolled back");
    terminal_.type("rollback 002_task_priority --phase constraint");
    require(!priority_is_required(), "after the rollback the column may be NULL");
    for (int worker = 0; worker < k_workers / 2; ++worker) application_.deploy(worker, Version::old_one);
    nap(k_while);
    print_line();
    terminal_.type("status");
    end_chapter();
  }

  void forward_again() {
    print_heading("8. Forward again");
    application_.begin_chapter("constraint, again");
    for (int worker = 0; worker < k_workers; ++worker) application_.deploy(worker, Version::new_one);
    terminal_.type("up 002_task_priority --approve");
    require(priority_is_required(), "after the constraint phase the column is NOT NULL");
    nap(k_while);
    end_chapter();
    print_line();
    terminal_.type("status");
  }

  Outcome reckoning() {
    print_heading("9. The reckoning");
    application_.stop();
    const auto comparison = compare_table(client_, application_.logs());
    print_phases(terminal_.ask("history 002_task_priority --json"));
    print_line();
    return print_reckoning(application_, comparison);
  }

  void end_chapter() const {
    print_line();
    print_line(in_words(application_.current_chapter()));
  }

  // Cancelled when a signal comes.
  void run_sql(const std::string& sql) const {
    const testing::AsyncStatement statement(url_, sql);
    while (!statement.wait(milliseconds(100))) check_interrupted();
    require(statement.sqlstate().empty(), fmt::format("{} succeeds ({})", sql, statement.sqlstate()));
  }

  double filled_share() const {
    const auto status = json::parse(terminal_.ask("status --json"));
    for (const auto& plan : status.at("plans").as_array()) {
      if (plan.at("id") != "002_task_priority") continue;
      for (const auto& phase : plan.at("phases").as_array()) {
        const auto* progress = phase.as_object().if_contains("progress");
        if (progress == nullptr) continue;
        const auto& share = progress->at("share");
        return share.is_null() ? 0 : share.to_number<double>();
      }
    }
    return 0;
  }

  bool priority_is_required() {
    return client_.value(
               "SELECT attnotnull FROM pg_attribute WHERE attrelid = 'tasks'::regclass "
               "AND attname = 'priority'") == "t";
  }

  const std::string url_;
  const std::uint64_t seed_;
  const fs::path folder_;
  const Terminal terminal_{folder_};
  testing::PgClient client_{url_};
  Application application_;
};

}  // namespace

Outcome tell_story(const LocalServer& server, std::uint64_t seed) {
  testing::PgClient(server.url()).exec("CREATE DATABASE app");
  return Story(server, server.url("app"), seed).tell();
}

}  // namespace pgphase::demo
