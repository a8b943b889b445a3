#include "tests/demo/application.hpp"

#include <thread>

#include "tests/demo/worker.hpp"

namespace pgphase::demo {

using std::chrono::steady_clock;

struct Application::State {
  Stage stage;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::thread> threads;
  std::vector<std::string> names;                // of chapters
  std::vector<steady_clock::time_point> begins;  // of chapters; one more, the end, once it is stopped

  Chapter chapter(std::size_t index) const {
    Chapter out;
    out.name = names[index];
    const auto end = index + 1 < begins.size() ? begins[index + 1] : steady_clock::now();
    out.length = end - begins[index];
    for (const auto& worker : workers) {
      const auto waits = worker->waits();
      if (index < waits.size()) out.waits.merge(waits[index]);
    }
    return out;
  }
};

Application::Application(const std::string& url, int workers, std::uint64_t seed) : state_(std::make_unique<State>()) {
  for (int number = 0; number < workers; ++number) {
    state_->workers.push_back(std::make_unique<Worker>(url, state_->stage, number, workers, seed));
  }
}

Application::~Application() {
  stop();
}

void Application::begin_chapter(const std::string& name) {
  state_->names.push_back(name);
  state_->begins.push_back(steady_clock::now());
  state_->stage.chapter = state_->names.size() - 1;
  if (!state_->threads.empty()) return;
  for (const auto& worker : state_->workers) state_->threads.emplace_back([w = worker.get()] { w->run(); });
}

Chapter Application::current_chapter() const {
  return state_->chapter(state_->names.size() - 1);
}

std::vector<Chapter> Application::chapters() const {
  std::vector<Chapter> out;
  for (std::size_t i = 0; i < state_->names.size(); ++i) out.push_back(state_->chapter(i));
  return out;
}

int Application::workers() const {
  return static_cast<int>(state_->workers.size());
}

void Application::deploy(int worker, Version version) {
  state_->workers.at(static_cast<std::size_t>(worker))->deploy(version);
}

void Application::enter(Epoch epoch) {
  state_->stage.epoch = epoch;
}

void Application::stop() {
  state_->stage.stop = true;
  for (auto& thread : state_->threads) {
    if (thread.joinable()) thread.join();
  }
  if (state_->begins.size() == state_->names.size()) state_->begins.push_back(steady_clock::now());
}

std::vector<const WriteLog*> Application::logs() const {
  std::vector<const WriteLog*> out;
  for (const auto& worker : state_->workers) out.push_back(&worker->log());
  return out;
}

std::int64_t Application::wrong_reads() const {
  std::int64_t out = 0;
  for (const auto& worker : state_->workers) out += worker->wrong_reads();
  return out;
}

std::vector<std::string> Application::complaints() const {
  std::vector<std::string> out;
  for (const auto& worker : state_->workers) {
    if (!worker->first_failure().empty()) out.push_back("failed: " + worker->first_failure());
    if (!worker->first_wrong_read().empty()) out.push_back("wrong: " + worker->first_wrong_read());
  }
  return out;
}

}  // namespace pgphase::demo
