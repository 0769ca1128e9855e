// Draw a picture with the fused graph of a model without detail, through ONNX Runtime's C++ interface.
// It has 1 or 3 channels and is written as PGM or PPM.
//
// Build: g++ -std=c++17 -O2 -I<headers of ONNX Runtime> sample.cpp -o sample -lonnxruntime
// Usage: ./sample BUNDLE/fused/pyramid.onnx WIDTHxHEIGHT SEED OUT.ppm

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <onnxruntime_cxx_api.h>

namespace {

constexpr int64_t kHalo = 5;  // what a generator sees beyond its canvas, on every side

using Words = std::array<uint32_t, 4>;

// Four random 32-bit words of a counter: docs/noise.md, 'From arguments to words'.
Words philox(Words c, uint64_t seed) {
  uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{c[0]} * 0xD2511F53u, p1 = uint64_t{c[2]} * 0xCD9E8D57u;
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(p0)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}

// Two standard normal values from two words: docs/noise.md, 'From words to noise'.
std::pair<float, float> gauss(uint32_t a, uint32_t b) {
  const double radius = std::sqrt(-2 * std::log((a + 0.5) / 4294967296.0));
  const double angle = 2 * std::acos(-1.0) * (b + 0.5) / 4294967296.0;
  return {static_cast<float>(radius * std::cos(angle)), static_cast<float>(radius * std::sin(angle))};
}

// Unit noise of a canvas and its halo, (channels, height + 10, width + 10). With border zero the halo is 0.
std::vector<float> unit_noise(uint64_t seed, uint32_t scale, int64_t channels, int64_t height, int64_t width,
                              bool zero_border) {
  const int64_t rim = zero_border ? 0 : kHalo, rows = height + 2 * kHalo, columns = width + 2 * kHalo;
  std::vector<float> values(channels * rows * columns, 0.0f);
  for (int64_t channel = 0; channel < channels; ++channel)
    for (int64_t y = -rim; y < height + rim; ++y) {
      float* row = values.data() + (channel * rows + y + kHalo) * columns + kHalo;
      for (int64_t group = (rim + 3) / -4; 4 * group < width + rim; ++group) {
        const Words w = philox({static_cast<uint32_t>(group), static_cast<uint32_t>(y), 0,
                                scale * 65536u + static_cast<uint32_t>(channel)}, seed);
        const auto [v0, v1] = gauss(w[0], w[1]);
        const auto [v2, v3] = gauss(w[2], w[3]);
        const float four[] = {v0, v1, v2, v3};
        for (int64_t n = 0; n < 4; ++n)
          if (const int64_t x = 4 * group + n; x >= -rim && x < width + rim) row[x] = four[n];
      }
    }
  return values;
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, at);) words.push_back(word);
  return words;
}

std::pair<int64_t, int64_t> width_and_height(const std::string& word) {
  const auto sides = split(word, 'x');
  return {std::stoll(sides.at(0)), std::stoll(sides.at(1))};
}

// Round to the nearest whole number, halves to the even one (std::nearbyint in its default mode).
int64_t scaled(int64_t side, double ratio) { return std::llround(std::nearbyint(side * ratio)); }

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: sample PYRAMID.onnx WIDTHxHEIGHT SEED OUT.ppm\n";
    return 2;
  }
  const auto [width, height] = width_and_height(argv[2]);
  const uint64_t seed = std::stoull(argv[3]);

  Ort::Env environment(ORT_LOGGING_LEVEL_WARNING, "sample");
  Ort::Session session(environment, argv[1], Ort::SessionOptions{});
  Ort::AllocatorWithDefaultOptions allocator;
  const Ort::ModelMetadata metadata = session.GetModelMetadata();
  const auto stated = [&](const char* key) {
    return std::string(metadata.LookupCustomMetadataMapAllocated(key, allocator).get());
  };
  const auto sizes = split(stated("singan.trained_sizes"), ',');
  const auto noise_channels = split(stated("singan.noise_channels"), ',');
  const int64_t channels = std::stoll(stated("singan.channels"));
  const auto [finest_width, finest_height] = width_and_height(sizes.back());

  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  std::vector<std::vector<float>> noises;
  std::vector<std::string> names;
  std::vector<Ort::Value> inputs;
  for (size_t scale = 0; scale < sizes.size(); ++scale) {
    const auto [w, h] = width_and_height(sizes[scale]);
    const double ratio = std::sqrt(double(h * w) / double(finest_height * finest_width));
    const bool finest = scale + 1 == sizes.size();
    const int64_t rows = finest ? height : scaled(height, ratio), columns = finest ? width : scaled(width, ratio);
    const int64_t depth = std::stoll(noise_channels[scale]);
    noises.push_back(unit_noise(seed, scale, depth, rows, columns, stated("singan.border") == "zero"));
    const std::array<int64_t, 4> shape{1, depth, rows + 2 * kHalo, columns + 2 * kHalo};
    inputs.push_back(Ort::Value::CreateTensor<float>(memory, noises.back().data(), noises.back().size(), shape.data(),
                                                     shape.size()));
    names.push_back("noise_" + std::to_string(scale));
  }
  std::vector<const char*> input_names;
  for (const auto& name : names) input_names.push_back(name.c_str());
  const char* output_name = "image";
  const auto outputs = session.Run(Ort::RunOptions{nullptr}, input_names.data(), inputs.data(), inputs.size(),
                                   &output_name, 1);
  const float* image = outputs[0].GetTensorData<float>();  // (1, C, height, width) in [-1, 1]

  std::ofstream file(argv[4], std::ios::binary);
  file << (channels == 1 ? "P5\n" : "P6\n") << width << ' ' << height << "\n255\n";
  for (int64_t at = 0; at < height * width; ++at)
    for (int64_t channel = 0; channel < channels; ++channel) {
      const float unit = (image[channel * height * width + at] + 1) * 0.5f;
      file.put(static_cast<char>(static_cast<uint8_t>(std::clamp(unit, 0.0f, 1.0f) * 255 + 0.5f)));
    }
  return file ? 0 : 1;
}
