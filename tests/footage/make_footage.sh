#!/bin/sh
# make_footage.sh OUTDIR [SECONDS]: a small set of body-camera-like test files, good and bad, made with
# ffmpeg's lavfi sources only (no download, no real person in any picture).
#   FFMPEG=/path/to/ffmpeg   which ffmpeg to use (default: ffmpeg in PATH; tried with 5.1, 6.0, 7.0 and 9.0)
#   BITRATE=10M SIZE=1920x1080 RATE=30 GOP=30   what the "camera" writes
#   X264_PRESET=superfast    how hard the source encode works (only its time, not what the set is for)
# Default 4 s of 1080p: about 90 MB in all; SIZE=640x360 BITRATE=700k gives a 10 MB set for unit tests.
# Needs: sh, head, dd, ffmpeg with libx264 (libx265 for the H.265 files).
set -eu
OUT=${1:?usage: make_footage.sh OUTDIR [SECONDS]}
D=${2:-4}
FF=${FFMPEG:-ffmpeg}
BR=${BITRATE:-10M}; SZ=${SIZE:-1920x1080}; R=${RATE:-30}; G=${GOP:-30}; P=${X264_PRESET:-superfast}
mkdir -p "$OUT"; cd "$OUT"
ff() { "$FF" -hide_banner -loglevel error -nostdin -y "$@"; }
V() { echo "testsrc2=size=$SZ:rate=$R:duration=$1,noise=alls=14:allf=t,format=yuv420p"; }   # moving + sensor noise
A() { echo "sine=frequency=440:beep_factor=4:sample_rate=48000:duration=$1"; }
META="-metadata creation_time=2026-03-05T08:15:30Z -metadata make=TESTCAM -metadata model=DSJ-T1 \
 -metadata comment=officer=000123;device=DSJT10000001 -metadata location=+39.9042+116.4074+043.500/ \
 -metadata location-eng=+39.9042+116.4074+043.500/"
XOPT="-c:v libx264 -preset $P -profile:v high -level 4.1 -b:v $BR -maxrate $BR -bufsize $BR -g $G -keyint_min $G -sc_threshold 0 -bf 0"
AOPT="-c:a aac -b:a 128k -ar 48000 -ac 1"

# --- good files ------------------------------------------------------------------------------------------
# 01 what a body camera writes: ftyp, mdat, moov at the END, 1 s closed GOPs, no B frames, tmcd timecode track
# shellcheck disable=SC2086
ff -f lavfi -i "$(V "$D")" -f lavfi -i "$(A "$D")" $XOPT $AOPT $META -timecode 08:15:30:00 -brand mp42 01_h264_1080p.mp4
# 02/03 H.265 (tag hvc1 plays in Safari/Chrome; hev1 is what many Chinese cameras write)
if "$FF" -hide_banner -loglevel error -encoders 2>/dev/null | grep -q libx265; then
 ff -i 01_h264_1080p.mp4 -map 0:v:0 -map 0:a:0 -c:v libx265 -preset ultrafast -b:v $BR -x265-params log-level=error:keyint=$G:min-keyint=$G:bframes=0 -tag:v hvc1 -c:a copy 02_h265_hvc1.mp4
 ff -i 02_h265_hvc1.mp4 -c copy -tag:v hev1 03_h265_hev1.mp4
fi
# 04 MJPEG + PCM in AVI (cheap recorders)
ff -i 01_h264_1080p.mp4 -map 0:v:0 -map 0:a:0 -vf scale=1280:720 -r 15 -c:v mjpeg -q:v 6 -pix_fmt yuvj420p -c:a pcm_s16le -ar 16000 04_mjpeg_pcm.avi
# 05 MPEG-TS; 06 fragmented MP4; 07 MPEG-PS (the container inside GB28181's RTP); 08 the web's fast-start form
ff -i 01_h264_1080p.mp4 -map 0:v:0 -map 0:a:0 -c copy 05_mpegts.ts
ff -i 01_h264_1080p.mp4 -map 0:v:0 -map 0:a:0 -c copy -movflags +frag_keyframe+empty_moov+default_base_moof 06_fragmented.mp4
ff -loglevel fatal -i 01_h264_1080p.mp4 -map 0:v:0 -map 0:a:0 -c:v copy -bsf:v h264_mp4toannexb -c:a mp2 -b:a 64k -f vob ps.tmp
# ffmpeg writes no program stream map and has to guess the codecs on reading; cameras write one, so put it
# after the first pack header (14 bytes): stream E2 = 0x1B H.264, C0 = 0x04 MPEG audio, CRC-32
{ head -c 14 ps.tmp; printf '\000\000\001\274\000\022\340\377\000\000\000\010\033\342\000\000\004\300\000\000\115\166\075\116'; tail -c +15 ps.tmp; } > 07_mpegps.ps; rm -f ps.tmp
ff -i 01_h264_1080p.mp4 -map 0:v:0 -map 0:a:0 -c copy -movflags +faststart 08_faststart.mp4
# 09 variable frame rate (30 fps, then about 10, then irregular); 10 rotated 90 degrees by display matrix; 11 no audio
ff -f lavfi -i "$(V "$D")" -f lavfi -i "$(A "$D")" -vf "select='if(lt(t,$D/3),1,if(lt(t,2*$D/3),not(mod(n,3)),gt(random(1),0.6)))'" -fps_mode vfr -c:v libx264 -preset "$P" -b:v $BR -maxrate $BR -bufsize $BR -g 30 $AOPT 09_vfr.mp4
ff -display_rotation 90 -i 08_faststart.mp4 -map 0:v:0 -map 0:a:0 -c copy 10_rotated.mp4 2>/dev/null ||
 ff -i 08_faststart.mp4 -map 0:v:0 -map 0:a:0 -c copy -metadata:s:v rotate=90 10_rotated.mp4
ff -i 01_h264_1080p.mp4 -map 0:v:0 -c copy -an 11_noaudio.mp4
# 12 GPS as a timed-text track, one line a second, + timecode + chapters of metadata
i=0; : > gps.srt
while [ "$i" -lt "$D" ]; do
 printf '%d\n00:00:%02d,000 --> 00:00:%02d,000\n$GNRMC,0815%02d.00,A,3954.25%02d,N,11624.44%02d,E,0.8,77.5,050326,,,A*00\n\n' \
  $((i+1)) "$i" $((i+1)) $((30+i)) $((20+i)) $((40+i)) >> gps.srt; i=$((i+1)); done
# shellcheck disable=SC2086
ff -i 08_faststart.mp4 -i gps.srt -map 0:v:0 -map 0:a:0 -map 1:0 -c copy -c:s mov_text $META -metadata:s:s:0 handler_name=GPS -movflags use_metadata_tags 12_gps_timecode.mov
rm -f gps.srt
# 13 B frames, open GOP, 10 s keyframe distance, 59.94 fps, edit list: what breaks naive splitting
ff -f lavfi -i "testsrc2=size=1280x720:rate=60000/1001:duration=$D,noise=alls=10:allf=t,format=yuv420p" -f lavfi -i "$(A "$D")" -c:v libx264 -preset "$P" -b:v $BR -g 600 -bf 3 -x264-params open-gop=1 $AOPT 13_longgop_bframes.mp4
# 14 audio only; 15 still picture; 16 A-law audio in MOV (no browser plays it); 17 three consecutive parts of one recording
ff -f lavfi -i "$(A "$D")" -c:a aac -b:a 64k 14_audio_only.m4a
ff -f lavfi -i "testsrc2=size=$SZ:rate=1:duration=1" -frames:v 1 -q:v 3 15_photo.jpg
ff -i 08_faststart.mp4 -map 0:v:0 -map 0:a:0 -c:v copy -c:a pcm_alaw -ar 8000 16_alaw.mov
ff -i 08_faststart.mp4 -map 0:v:0 -map 0:a:0 -c copy -f segment -segment_time $(( (D + 1) / 2 )) -reset_timestamps 1 17_part_%03d.mp4
# 18 AV1 if an encoder is there
if "$FF" -hide_banner -loglevel error -encoders 2>/dev/null | grep -q libsvtav1; then
 ff -i 08_faststart.mp4 -t 2 -map 0:v:0 -an -vf scale=480:270 -c:v libsvtav1 -preset 10 -crf 45 18_av1.mp4 2>/dev/null || rm -f 18_av1.mp4
fi

# --- broken and hostile files ----------------------------------------------------------------------------
size() { wc -c < "$1" | tr -d ' '; }
cut() { head -c $(( $(size "$1") * $2 / 100 )) "$1" > "$3"; }
cut 01_h264_1080p.mp4 60 50_powercut_no_moov.mp4        # moov never written
cut 06_fragmented.mp4 60 51_powercut_fragmented.mp4     # must play up to the last whole fragment
cut 05_mpegts.ts      60 52_powercut.ts
cut 08_faststart.mp4  60 53_faststart_cut.mp4           # moov promises more than the file holds
: > 54_zero.mp4
printf 'This is a shift report, not a video.\n%.0s' 1 2 3 4 5 6 7 8 9 > 55_text.mp4
cp 08_faststart.mp4 56_corrupt_middle.mp4               # 64 KiB of the middle overwritten
S=$(size 56_corrupt_middle.mp4)
dd if=15_photo.jpg of=56_corrupt_middle.mp4 bs=4096 count=16 seek=$(( S / 2 / 4096 )) conv=notrunc 2>/dev/null
cp 05_mpegts.ts 57_corrupt_middle.ts; S=$(size 57_corrupt_middle.ts)
dd if=15_photo.jpg of=57_corrupt_middle.ts bs=1000 count=64 seek=$(( S / 2 / 1000 )) conv=notrunc 2>/dev/null
# playlists dressed as video: a server that lets ffmpeg guess the format can be made to read other files or URLs
printf '#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1,\nfile:///etc/hostname\n#EXTINF:1,\nhttp://127.0.0.1:9/ssrf.ts\n#EXT-X-ENDLIST\n' > 58_playlist_ssrf.mp4
printf 'ffconcat version 1.0\nfile 01_h264_1080p.mp4\n' > 59_ffconcat.mp4
printf '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>http://127.0.0.1:9/x.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>\n' > 60_mpd_ssrf.mp4
cp 15_photo.jpg 61_jpeg_named.mp4
# a decompression bomb: 8192x8192, 100 MB a decoded frame, in a few kB (limit pixels and frames before decoding)
ff -f lavfi -i "color=black:size=8192x8192:rate=10:duration=4" -c:v libx264 -preset ultrafast -threads 1 -x264-params rc-lookahead=0:ref=1 -crf 51 -g 300 62_pixel_bomb.mp4
ls -l | awk 'NR>1{s+=$5; print $5, $9} END{print s, "bytes in all"}'
