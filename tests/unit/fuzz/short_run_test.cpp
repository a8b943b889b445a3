// A short run of what the fuzzers do at length: the seeds as they are, then bent in every way for a while. The seed of
// the run is printed; PGPHASE_SEED gives it.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "tests/support/fuzz/targets.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/temp_dir.hpp"

namespace pgphase::testing {
namespace {

using Target = void (*)(std::string_view);

std::uint64_t seed() {
  static const std::uint64_t chosen = [] {
    const char* given = std::getenv("PGPHASE_SEED");
    const auto value = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    std::fprintf(stderr, "PGPHASE_SEED=%llu\n", static_cast<unsigned long long>(value));
    return value;
  }();
  return chosen;
}

// Of each folder every file with that ending.
std::vector<std::string> seeds_in(const std::vector<std::string>& folders, const std::string& ending) {
  std::vector<std::string> paths;
  for (const auto& folder : folders) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(source_folder() / folder)) {
      if (entry.is_regular_file() && entry.path().extension() == ending) paths.push_back(entry.path().string());
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> out;
  for (const auto& path : paths) out.push_back(read_file(path));
  return out;
}

class Bender {
 public:
  Bender(const std::vector<std::string>& seeds, std::uint64_t seed) : seeds_(seeds), random_(seed) {}

  std::string next() {
    std::string text = any_seed();
    for (std::size_t turns = 1 + below(4); turns > 0; --turns) bend(text);
    return text;
  }

 private:
  std::size_t below(std::size_t most) { return most == 0 ? 0 : random_() % most; }
  const std::string& any_seed() { return seeds_[below(seeds_.size())]; }

  void bend(std::string& text) {
    const auto at = below(text.size() + 1);
    const auto length = std::min(below(40), text.size() - at);
    switch (below(7)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, text.substr(at, length));
        break;
      case 2:
        text.insert(at, 1, static_cast<char>(below(256)));
        break;
      case 3: {
        const auto& other = any_seed();
        text.insert(at, other.substr(below(other.size()), below(200)));
        break;
      }
      case 4: {
        constexpr const char* k_words[] = {"(",
                                           ")",
                                           "'",
                                           "\"",
                                           ";",
                                           "$$",
                                           "--",
                                           "/*",
                                           "*/",
                                           "[[",
                                           "]]",
                                           "=",
                                           "NULL",
                                           "\\",
                                           "CASCADE",
                                           "-1",
                                           "ALTER ",
                                           "\n",
                                           "\t",
                                           "{",
                                           "}",
                                           ",",
                                           "\"\"\"",
                                           "\xC3\xA4",
                                           "\xF0\x9F\x98\x80",
                                           "99999999999999999999"};
        text.insert(at, k_words[below(std::size(k_words))]);
        break;
      }
      case 5:
        if (!text.empty()) text[below(text.size())] = static_cast<char>(below(256));
        break;
      default:
        text.resize(at);
    }
  }

  const std::vector<std::string>& seeds_;
  std::mt19937_64 random_;
};

void run_for_a_while(const std::vector<std::string>& folders, const std::string& ending, Target target) {
  const auto seeds = seeds_in(folders, ending);
  ASSERT_FALSE(seeds.empty());
  for (const auto& text : seeds) target(text);
  Bender bender(seeds, seed());
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  int runs = 0;
  for (; std::chrono::steady_clock::now() < until; ++runs) {
    const auto text = bender.next();
    try {
      target(text);
    } catch (const std::exception& problem) {
      FAIL() << problem.what() << "\nof this text:\n" << text;
    }
  }
  std::fprintf(stderr, "*%s: %d texts\n", ending.c_str(), runs);
}

TEST(ShortFuzzTest, SqlOfAnyKindIsCheckedAndSplitOrRefused) {
  run_for_a_while({"tests/corpus"}, ".sql", fuzz_sql);
}

TEST(ShortFuzzTest, PlansOfAnyKindAreReadOrRefused) {
  run_for_a_while({"tests/corpus", "migrations"}, ".toml", fuzz_plan);
}

}  // namespace
}  // namespace pgphase::testing
