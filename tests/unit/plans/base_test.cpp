#include <gmock/gmock.h>

#include "plans/base/sha256.hpp"
#include "plans/base/units.hpp"

namespace pgphase {
namespace {

using namespace std::chrono_literals;

TEST(DurationTest, ReadsEveryUnit) {
  EXPECT_EQ(*parse_duration("500ms"), 500ms);
  EXPECT_EQ(*parse_duration("30s"), 30s);
  EXPECT_EQ(*parse_duration("30m"), 30min);
  EXPECT_EQ(*parse_duration("2h"), 2h);
  EXPECT_EQ(*parse_duration("7d"), 168h);
  EXPECT_EQ(*parse_duration("0s"), 0s);
}

TEST(DurationTest, RefusesWhatIsNoDurationAndSaysWhy) {
  for (const char* bad : {"", "30", "s", "-5s", "1.5s", "5 minutes", "5sec", "99999999999999999999s", "9999999d"}) {
    const auto parsed = parse_duration(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().code, Errc::usage) << bad;
    EXPECT_THAT(parsed.error().message, ::testing::HasSubstr(bad));
    EXPECT_THAT(parsed.error().next, ::testing::HasSubstr("ms, s, m, h, d"));
  }
}

TEST(DurationTest, FormatsSoThatItReadsBackTheSame) {
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_duration(120s), "2m");
  EXPECT_EQ(format_duration(0ms), "0ms");
  for (const auto value : {1ms, 999ms, 1000ms, 60'000ms, 3'601'000ms, 86'400'000ms}) {
    EXPECT_EQ(*parse_duration(format_duration(value)), value);
  }
}

TEST(BytesTest, ReadsAndFormats) {
  EXPECT_EQ(*parse_bytes("16MiB"), 16ULL << 20);
  EXPECT_EQ(*parse_bytes("1 GiB"), 1ULL << 30);
  EXPECT_EQ(format_bytes(16ULL << 20), "16MiB");
  EXPECT_EQ(format_bytes(1500), "1500B");
  for (const char* bad : {"16", "16MB", "MiB", "99999999999TiB", "-1B"}) EXPECT_FALSE(parse_bytes(bad)) << bad;
}

// The vectors of FIPS 180-4's examples, and lengths around the padding's edges.
TEST(Sha256Test, GivesTheStandardsExamples) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_hex("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqr"
                       "smnopqrstnopqrstu"),
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  EXPECT_EQ(sha256_hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Test, PadsRightAroundABlocksEnd) {
  EXPECT_EQ(sha256_hex(std::string(55, 'x')), "d5e285683cd4efc02d021a5c62014694958901005d6f71e89e0989fac77e4072");
  EXPECT_EQ(sha256_hex(std::string(56, 'x')), "04c26261370ee7541549d16dee320c723e3fd14671e66a099afe0a377c16888e");
  EXPECT_EQ(sha256_hex(std::string(63, 'x')), "75220b47218278e656f2013bb8f0c455a25eaf01e86c64924e9d48d89776d6f2");
  EXPECT_EQ(sha256_hex(std::string(64, 'x')), "7ce100971f64e7001e8fe5a51973ecdfe1ced42befe7ee8d5fd6219506b5393c");
  EXPECT_EQ(sha256_hex(std::string(65, 'x')), "9537c5fdf120482f7d58d25e9ed583f52c02b4e304ea814db1633ad565aed7e9");
}

TEST(HumanNumbers, CountsInGroupsOfThree) {
  EXPECT_EQ(human_count(0), "0");
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(1000), "1,000");
  EXPECT_EQ(human_count(-123456), "-123,456");
  EXPECT_EQ(human_count(1234567), "1,234,567");
}

TEST(HumanNumbers, SizesInTheUnitThatFits) {
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1024), "1.0 KiB");
  EXPECT_EQ(human_bytes(std::int64_t{5} << 40), "5.0 TiB");
}

}  // namespace
}  // namespace pgphase
